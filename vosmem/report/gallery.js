// The failure gallery: drawn one by one once the page is there, since the frames of a whole clip are read for each.
async function gallery() {
  for (const failure of document.querySelectorAll(".failure")) {
    const { open: place, t, method } = failure.dataset;
    const now = clip(Number(place));
    const frame = now.frames.find((one) => one.t === Number(t));
    if (frame) await draw(failure.querySelector("canvas"), now, frame, "error", method);
    await new Promise((go) => setTimeout(go)); // so that the page answers meanwhile
  }
}
gallery();
