// What each mode draws.

const pictures = { decoded: [], original: [], maps: null }; // what drawImage takes; of depth, also the samples
const scratch = [0, 1].map(() =>
  document.createElement("canvas").getContext("2d", { colorSpace: space, willReadFrequently: true }),
);
const GROUND = "#0e0e0e";

function smooth(target) {
  target.imageSmoothingEnabled = state.scale < 2; // larger, pixels are there to be seen
  target.imageSmoothingQuality = "high";
}

// Draws a picture into a part of the canvas, moved to the right by some pixels.
function drawIn(target, picture, viewport, offset = 0, clip = viewport) {
  const place = placed(viewport);
  target.save();
  target.beginPath();
  target.rect(clip.x, clip.y, clip.width, clip.height);
  target.clip();
  smooth(target);
  target.drawImage(picture, place.x + offset, place.y, place.width, place.height);
  target.restore();
}

// How far the left and the right picture are moved.
function offsets() {
  const total = Math.round(state.shift * state.scale);
  const left = -Math.trunc(total / 2);
  return [left, total + left];
}

// Draws what a function makes of two pictures, sample by sample: (first, second, result), RGBA each.
function drawMixed(first, second, moved, mix) {
  const [viewport] = viewports();
  const place = placed(viewport);
  const x = Math.max(0, Math.min(canvas.width - 1, place.x + Math.min(...moved)));
  const y = Math.max(0, Math.min(canvas.height - 1, place.y));
  const right = Math.min(canvas.width, Math.ceil(place.x + place.width + Math.max(...moved)));
  const bottom = Math.min(canvas.height, Math.ceil(place.y + place.height));
  if (right <= x || bottom <= y) return;
  const [a, b] = [first, second].map((picture, index) => {
    const target = scratch[index];
    Object.assign(target.canvas, { width: canvas.width, height: canvas.height }); // which clears it as well
    target.fillRect(0, 0, canvas.width, canvas.height);
    drawIn(target, picture, viewport, moved[index]);
    return target.getImageData(x, y, right - x, bottom - y, { colorSpace: space });
  });
  const result = new ImageData(a.width, a.height, { colorSpace: space });
  mix(a.data, b.data, result.data);
  context.putImageData(result, x, y);
}

const LINEAR_STEPS = 16384;
const toLinear = Float32Array.from({ length: 256 }, (_, index) => {
  const value = index / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});
const fromLinear = Uint8Array.from({ length: LINEAR_STEPS + 1 }, (_, index) => {
  const value = index / LINEAR_STEPS;
  return Math.round(255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055));
});

function anaglyph(left, right, result) {
  const rows = [0, 1, 2].map((row) => [...data.anaglyph.left[row], ...data.anaglyph.right[row]]);
  for (let i = 0; i < result.length; i += 4) {
    const [a, b, c] = [toLinear[left[i]], toLinear[left[i + 1]], toLinear[left[i + 2]]];
    const [d, e, f] = [toLinear[right[i]], toLinear[right[i + 1]], toLinear[right[i + 2]]];
    for (let channel = 0; channel < 3; channel += 1) {
      const row = rows[channel];
      const value = row[0] * a + row[1] * b + row[2] * c + row[3] * d + row[4] * e + row[5] * f;
      result[i + channel] = fromLinear[Math.round(LINEAR_STEPS * Math.min(1, Math.max(0, value)))];
    }
    result[i + 3] = 255;
  }
}

function amplifiedDifference(decoded, original, result) {
  for (let i = 0; i < result.length; i += 4) {
    for (let channel = 0; channel < 3; channel += 1) {
      result[i + channel] = state.gain * Math.abs(decoded[i + channel] - original[i + channel]); // clamped by its type
    }
    result[i + 3] = 255;
  }
}

function drawBeside(order) {
  const moved = data.depth ? [0, 0] : offsets();
  const parts = viewports();
  order.forEach((view, index) => drawIn(context, pictures.decoded[view], parts[index], moved[view]));
}

function drawOne(view, offset = 0) {
  drawIn(context, pictures.decoded[view], viewports()[0], offset);
}

function dividerAt() {
  return Math.round(state.divider * canvas.width);
}

function drawCompared() {
  const [all] = viewports();
  const at = dividerAt();
  drawIn(context, pictures.original[state.which], all, 0, { ...all, width: at });
  drawIn(context, pictures.decoded[state.which], all, 0, { ...all, x: at, width: all.width - at });
  const half = Math.max(1, Math.round(devicePixelRatio));
  context.fillStyle = "#fff";
  context.fillRect(at - half, 0, 2 * half, canvas.height);
  context.beginPath();
  context.arc(at, canvas.height / 2, 11 * devicePixelRatio, 0, 7);
  context.fill();
  context.fillStyle = "#222";
  context.font = `${14 * devicePixelRatio}px sans-serif`;
  Object.assign(context, { textAlign: "center", textBaseline: "middle" });
  context.fillText("\u2194", at, canvas.height / 2);
}

let errors = null; // of depth, as they were drawn last
function drawDifference() {
  const { which, gain } = state;
  const [decoded, original] = [pictures.decoded[which], pictures.original[which]];
  if (!data.depth || which === 0) return drawMixed(decoded, original, [0, 0], amplifiedDifference);
  const { maps, range } = pictures;
  if (errors === null || errors.gain !== gain) errors = { gain, picture: depthErrors(...maps, range, gain) };
  return drawIn(context, errors.picture, viewports()[0]);
}

const MODES = {
  parallel: { label: "Side by side", shift: true, captions: () => data.views, draw: () => drawBeside([0, 1]) },
  cross: {
    label: "Cross-eye",
    shift: true,
    captions: () => [...data.views].reverse(),
    draw: () => drawBeside([1, 0]),
  },
  wiggle: { label: "Wiggle", shift: true, draw: () => drawOne(state.phase, offsets()[state.phase]) },
  anaglyph: { label: "Anaglyph", shift: true, draw: () => drawMixed(...pictures.decoded, offsets(), anaglyph) },
  first: { label: data.views[0], draw: () => drawOne(0) },
  second: { label: data.views[1], draw: () => drawOne(1) },
  compare: { label: "Compare", which: true, captions: () => ["Original", "Decoded"], draw: drawCompared },
  difference: { label: "Difference", which: true, draw: drawDifference },
};
const AVAILABLE = Object.keys(MODES).filter(
  (mode) =>
    !(data.depth && ["cross", "wiggle", "anaglyph"].includes(mode)) &&
    (data.original || !["compare", "difference"].includes(mode)),
);

function draw() {
  context.fillStyle = GROUND;
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (pictures.decoded.length) MODES[state.mode].draw();
}
