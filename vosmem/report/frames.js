// Frames and masks: a clip is parsed when it is first shown; overlays are drawn from run lengths (see runs.py).
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUE = new Map([...LETTERS].map((letter, i) => [letter, i]));
const COLOURS = { // red, green, blue, opacity; apart for every kind of colour vision, in lightness too
  prediction: [240, 48, 143, 0.5],
  annotation: [86, 180, 233, 0.55],
  hit: [255, 255, 255, 0.35],
  false: [230, 97, 0, 0.8],
  missed: [64, 160, 255, 0.8],
};

const clips = new Map();
function clip(place) {
  if (!clips.has(place)) clips.set(place, read(`clip-${place}`));
  return clips.get(place);
}

// A mask of `length` pixels: one byte each, 1 where the object is.
function decode(text, length) {
  const mask = new Uint8Array(length);
  const runs = [];
  for (let i = 0, at = 0; i < text.length; ) {
    let [number, shift, part] = [0, 0, 0];
    do {
      part = VALUE.get(text[i++]);
      number |= (part & 31) << shift;
      shift += 5;
    } while (part & 32);
    let run = number & 1 ? -(number + 1) / 2 : number / 2;
    if (runs.length > 1) run += runs.at(-2);
    if (runs.length % 2) mask.fill(1, at, at + run);
    at += run;
    runs.push(run);
  }
  return mask;
}

function picture(data) {
  const image = new Image();
  image.src = `data:image/jpeg;base64,${data}`;
  return image.decode().then(() => image);
}

// A layer to lay over a frame: what `colour` tells of each pixel's index, nothing where it tells nothing.
function layer([h, w], colour) {
  const canvas = new OffscreenCanvas(w, h);
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(w, h);
  for (let i = 0; i < w * h; i++) {
    const told = colour(i);
    if (told) pixels.data.set([told[0], told[1], told[2], 255 * told[3]], 4 * i);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

// The pixels of a mask that have a neighbour outside it, and with a width of 2 their neighbours as well.
function outline(mask, [h, w], width) {
  const edge = new Uint8Array(w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const i = y * w + x;
      const inside = x > 0 && x < w - 1 && y > 0 && y < h - 1;
      if (!mask[i] || (inside && mask[i - 1] && mask[i + 1] && mask[i - w] && mask[i + w])) continue;
      edge[i] = 1;
      if (width === 2) for (const j of [i - 1, i + 1, i - w, i + w]) edge[j] = 1;
    }
  }
  return edge;
}

// Draw a frame of a clip: `mode` is frame, prediction, annotation, error or motion; `method` whose masks.
async function draw(canvas, clip, frame, mode, method, stillWanted = () => true) {
  const [h, w] = clip.size;
  const image = await picture(mode === "motion" && frame.motion ? frame.motion : frame.image);
  if (!stillWanted()) return;
  [canvas.width, canvas.height] = [2 * w, 2 * h]; // masks are smoothed as they are enlarged
  const context = canvas.getContext("2d");
  const lay = (colour) => context.drawImage(layer(clip.size, colour), 0, 0, 2 * w, 2 * h);
  context.imageSmoothingQuality = "high";
  if (mode === "error") context.filter = "grayscale(1)"; // what is blue or orange is an error, not the sea
  context.drawImage(image, 0, 0, 2 * w, 2 * h);
  context.filter = "none";
  const mask = (text) => (text === null || text === undefined ? null : decode(text, w * h));
  const [found, truth] = [mask(frame.masks[method]), mask(frame.annotation)];
  if (mode === "prediction" && found) lay((i) => found[i] && COLOURS.prediction);
  if (mode === "annotation" && truth) lay((i) => truth[i] && COLOURS.annotation);
  if (mode === "error" && found && truth) {
    lay((i) => (found[i] ? (truth[i] ? COLOURS.hit : COLOURS.false) : truth[i] && COLOURS.missed));
  }
  if ((mode === "prediction" || mode === "motion") && truth) {
    const [casing, line] = [outline(truth, clip.size, 2), outline(truth, clip.size, 1)];
    lay((i) => (line[i] ? [255, 255, 255, 1] : casing[i] && [10, 42, 74, 0.8]));
  }
}
