// The failure gallery: drawn as it comes into view, since its clips are read for it.
const coming = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    coming.unobserve(target);
    const { open: place, t, method } = target.dataset;
    const now = clip(Number(place));
    const frame = now.frames.find((one) => one.t === Number(t));
    if (frame) draw(target.querySelector("canvas"), now, frame, "error", method);
  }
}, { rootMargin: "300px" });
for (const failure of document.querySelectorAll(".failure")) coming.observe(failure);
