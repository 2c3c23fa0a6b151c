// Depth maps: samples out of the page, their colours, and what is read under the pointer.

const VIRIDIS = ["440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725"];
const palette = Uint8Array.from({ length: 256 * 3 }, (_, index) => {
  const at = (Math.floor(index / 3) / 255) * (VIRIDIS.length - 1);
  const from = Math.min(VIRIDIS.length - 2, Math.floor(at));
  const [low, high] = [from, from + 1].map((i) => parseInt(VIRIDIS[i].slice(2 * (index % 3), 2 * (index % 3) + 2), 16));
  return Math.round(low + (high - low) * (at - from));
});

// Rows of differences to the sample on the left, all low bytes before all high ones, as zlib packs them.
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const [width, height] = data.size;
  const samples = new Uint16Array(width * height);
  for (let i = 0; i < samples.length; i += 1) {
    samples[i] = planes[i] + 256 * planes[samples.length + i] + (i % width ? samples[i - 1] : 0);
  }
  return samples;
}

function rangeOf(maps) {
  let [nearest, farthest] = [Infinity, 0];
  for (const samples of maps) {
    for (const sample of samples) {
      if (sample === data.depth.invalid) continue;
      if (sample < nearest) nearest = sample;
      if (sample > farthest) farthest = sample;
    }
  }
  return nearest <= farthest ? { nearest, farthest } : { nearest: 0, farthest: 0 };
}

// 0 for the farthest, 255 for the nearest; linear in one over the depth where the file is coded so.
function level(sample, { nearest, farthest }) {
  if (nearest === farthest) return 255;
  const value = (depth) => (data.depth.inverse ? 1 / Math.max(depth, 1) : -depth);
  return Math.round((255 * (value(sample) - value(farthest))) / (value(nearest) - value(farthest)));
}

// A picture of the size of the map, of what `paint(index)` gives as red, green and blue.
function painted(paint) {
  const picture = document.createElement("canvas");
  [picture.width, picture.height] = data.size;
  const target = picture.getContext("2d", { colorSpace: space });
  const image = target.createImageData(picture.width, picture.height);
  for (let i = 0; i < image.data.length; i += 4) {
    [image.data[i], image.data[i + 1], image.data[i + 2]] = paint(i / 4);
    image.data[i + 3] = 255;
  }
  target.putImageData(image, 0, 0);
  return picture;
}

function coloured(samples, range) {
  const { invalid } = data.depth;
  const levels = new Map();
  return painted((i) => {
    const sample = samples[i];
    if (sample === invalid) return [0, 0, 0];
    if (!levels.has(sample)) levels.set(sample, level(sample, range));
    const at = 3 * levels.get(sample);
    return palette.subarray(at, at + 3);
  });
}

// The error that is shown as white, in steps: a part of the range of depths.
function whiteError({ nearest, farthest }, gain) {
  return Math.max(1, farthest - nearest) / (16 * gain);
}

function depthErrors(decoded, original, range, gain) {
  const scale = 255 / whiteError(range, gain);
  return painted((i) => {
    const unknown = decoded[i] === data.depth.invalid || original[i] === data.depth.invalid;
    const grey = unknown ? 0 : Math.min(255, Math.round(scale * Math.abs(decoded[i] - original[i])));
    return [grey, grey, grey];
  });
}

function metres(sample) {
  if (sample === data.depth.invalid) return "no measurement";
  const length = sample * data.depth.metresPerStep;
  const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(data.depth.metresPerStep))));
  return `${length.toFixed(digits)} m`;
}

function showLegend({ nearest, farthest }) {
  const target = element("colours").getContext("2d");
  const image = target.createImageData(256, 1);
  for (let i = 0; i < 256; i += 1) image.data.set([...palette.subarray(3 * (255 - i), 3 * (256 - i)), 255], 4 * i);
  target.putImageData(image, 0, 0);
  element("nearest").textContent = metres(nearest);
  element("farthest").textContent = metres(farthest);
}
