// How far a face can be read, as ifgan_tf/faces/quality.py judges it: by its pixels and landmarks alone.
import {shrink} from './picture.js';

// Judges an aligned face, uint8, by what web_demo.py wrote: {figures: {size, sharpness, brightness, overexposed, yaw,
// pitch}, words: why an answer is to be trusted less, unreadable: whether it is worth no more than a guess}.
export function assess(face, landmarks, settings) {
  const [left, right, tip] = landmarks;
  const eyes = middleOf([left, right]);
  const [apart, nose, mouth] = [minus(right, left), minus(tip, eyes), minus(middleOf(landmarks.slice(3)), eyes)];
  const size = Math.max(length(apart), length(mouth));
  const figures = {size, ...light(face, size, settings), ...pose(apart, nose, mouth, settings)};
  const beyond = ({figure, poor, unreadable}, value) =>
    poor < unreadable ? Math.abs(figures[figure]) > value : figures[figure] < value;
  const words = settings.limits.filter((limit) => beyond(limit, limit.poor)).map(({word}) => word);
  const unreadable = settings.limits.some((limit) => beyond(limit, limit.unreadable));
  return {figures, words: [...new Set(words)], unreadable};
}

// Measured on faces of one side, so that they compare; on a smaller one as small as it is.
function light(face, size, settings) {
  const side = Math.min(settings.side, Math.max(settings.smallest_side, Math.round(size / settings.eyes_to_mouth)));
  const grey = greyOf(shrink(face, side, side));
  const [[top, bottom], [left, right]] = [settings.rows, settings.columns].map(([start, end]) => [
    Math.floor(side * start),
    Math.ceil(side * end),
  ]);
  const [middle, edges] = [[], []];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const at = y * side + x;
      middle.push(grey[at]);
      edges.push(grey[at - side] + grey[at - 1] + grey[at + 1] + grey[at + side] - 4 * grey[at]); // the Laplacian
    }
  }
  return {
    sharpness: deviation(edges) / Math.max(deviation(middle), 1),
    brightness: quantile(middle, settings.brightest),
    overexposed: middle.filter((value) => value >= settings.overexposed).length / middle.length,
  };
}

// Yaw and pitch in degrees, of a head tilted in any way: nose and mouth as they lie from between the eyes.
function pose(apart, nose, mouth, settings) {
  const distance = Math.max(length(apart), 1e-6);
  const across = apart.map((value) => value / distance);
  const down = [-across[1], across[0]];
  const height = Math.max(dot(mouth, down), 1e-6 + 0.1 * length(mouth)); // lying flat is no pose of a face
  return {
    yaw: (Math.atan2(dot(nose, across), settings.nose * distance) * 180) / Math.PI,
    pitch: (dot(nose, down) / height - settings.level) / settings.a_degree,
  };
}

// Brightness, rounded as Python rounds: the colours first, then what they make.
function greyOf({data}) {
  const rgb = new Uint8ClampedArray(data);
  const grey = new Uint8ClampedArray(rgb.length / 3);
  return grey.map((_, i) => 0.299 * rgb[3 * i] + 0.587 * rgb[3 * i + 1] + 0.114 * rgb[3 * i + 2]);
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const minus = ([ax, ay], [bx, by]) => [ax - bx, ay - by];
const dot = ([ax, ay], [bx, by]) => ax * bx + ay * by;
const length = (vector) => Math.hypot(...vector);
const middleOf = (points) => [0, 1].map((k) => mean(points.map((point) => point[k])));

function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

// Between two values in proportion, as NumPy has it.
function quantile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (values.length - 1) * share;
  const below = Math.floor(at);
  return sorted[below] + (at - below) * (sorted[Math.ceil(at)] - sorted[below]);
}
