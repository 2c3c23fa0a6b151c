// What is looked at and how: the state, where pictures lie on the canvas, zoom and pan.
// Lengths are in device pixels, and in pixels of the picture as it is shown (square also where the stored ones are not).

const element = (id) => document.getElementById(id);
const data = JSON.parse(element("data").textContent);
const canvas = element("canvas");
const space = data.profile && matchMedia("(color-gamut: p3)").matches ? "display-p3" : "srgb";
const context = canvas.getContext("2d", { alpha: false, colorSpace: space });
const shown = { width: data.size[0] * data.aspect[0], height: data.size[1] * data.aspect[1] };
const GAP = 4; // between two pictures
const LARGEST = 64; // device pixels for one of the picture

const state = {
  mode: "parallel",
  which: 0, // the view that is compared
  fitted: true, // follows the size of the window
  scale: 1, // device pixels for one of the picture
  x: shown.width / 2, // the point of the picture in the middle
  y: shown.height / 2,
  shift: 0, // how far the right picture is moved against the left one
  divider: 0.5,
  gain: 8,
  playing: false,
  phase: 0, // of the wiggle: the view that is there
};

function viewports() {
  const { width, height } = canvas;
  if (!["parallel", "cross"].includes(state.mode)) return [{ x: 0, y: 0, width, height }];
  const half = Math.max(1, Math.floor((width - GAP) / 2));
  return [0, width - half].map((x) => ({ x, y: 0, width: half, height }));
}

function viewportAt(x) {
  const [first, second] = viewports();
  return second && x >= second.x ? second : first;
}

function middle(viewport) {
  return { x: viewport.x + viewport.width / 2, y: viewport.y + viewport.height / 2 };
}

// Where the picture lies in a viewport, with its corner on whole device pixels.
function placed(viewport) {
  const { x, y } = middle(viewport);
  return {
    x: Math.round(x - state.x * state.scale),
    y: Math.round(y - state.y * state.scale),
    width: shown.width * state.scale,
    height: shown.height * state.scale,
  };
}

// The pixel of the stored picture under a point of the canvas; null beside the picture.
function pixelAt(x, y) {
  const place = placed(viewportAt(x));
  const column = Math.floor(((x - place.x) / place.width) * data.size[0]);
  const row = Math.floor(((y - place.y) / place.height) * data.size[1]);
  const inside = column >= 0 && row >= 0 && column < data.size[0] && row < data.size[1];
  return inside ? { column, row } : null;
}

function fittingScale() {
  const [{ width, height }] = viewports();
  return Math.min(width / shown.width, height / shown.height);
}

function fit() {
  Object.assign(state, { fitted: true, scale: fittingScale(), x: shown.width / 2, y: shown.height / 2 });
  changed();
}

// Zooms so that what lay under one point of the canvas, in the state that was given, lies under another.
function carry({ scale: before, x, y }, scale, at, to) {
  const centre = middle(viewportAt(at.x));
  state.scale = Math.min(LARGEST, Math.max(Math.min(1, fittingScale()) / 2, scale));
  state.fitted = false;
  centreOn(
    x + (at.x - centre.x) / before - (to.x - centre.x) / state.scale,
    y + (at.y - centre.y) / before - (to.y - centre.y) / state.scale,
  );
}

function zoomTo(scale, at) {
  carry(state, scale, at, at);
}

// Moves the picture by device pixels.
function moveBy(x, y) {
  state.fitted = state.fitted && !x && !y;
  centreOn(state.x - x / state.scale, state.y - y / state.scale);
}

// The middle of a viewport cannot leave the picture.
function centreOn(x, y) {
  state.x = Math.min(shown.width, Math.max(0, x));
  state.y = Math.min(shown.height, Math.max(0, y));
  changed();
}

function zoomInTheMiddle(factor) {
  zoomTo(state.scale * factor, middle(viewports()[0]));
}

function toPixels(at) {
  zoomTo(1, at || middle(viewports()[0]));
}

// Called after every change of the state: shows it, and draws once before the next frame.
let scheduled = false;
function changed() {
  showState();
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    draw();
  });
}

function resized() {
  const { width, height } = canvas.getBoundingClientRect();
  canvas.width = Math.max(1, Math.round(width * devicePixelRatio));
  canvas.height = Math.max(1, Math.round(height * devicePixelRatio));
  if (state.fitted) fit();
  else changed();
}
