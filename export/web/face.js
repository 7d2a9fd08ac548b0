// Finding and aligning faces, as export/classify.py does it: MTCNN's networks by LiteRT, the rest here.
// A face is {box: [x1, y1, x2, y2], score, landmarks: five [x, y]} in pixels.
import {enlarge, sample, shrink} from './picture.js';

const breathe = () => new Promise((done) => setTimeout(done)); // the browser draws, and hears of clicks

export class FaceFinder {
  // settings: what web_demo.py wrote; run: (signature, {input: [data, shape]}) → {output: data}.
  constructor(settings, run) {
    this.settings = settings;
    this.run = run;
  }

  // All faces of a picture, the most certain first. Raises the signal's reason when it is aborted.
  async find(picture, signal) {
    const {max_side: most, min_side: least, window, smallest_face, pyramid_ratio, min_face} = this.settings;
    const scale = Math.min(1, most / Math.max(picture.width, picture.height));
    const size = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
    const pixels = normalised(picture.pixels(...size), ...size.map((side) => Math.max(side, least)));
    const shorter = Math.min(pixels.width, pixels.height);
    const levels = Math.round(-(Math.log(shorter / window) / Math.log(pyramid_ratio) + 1));
    const scales = Array.from({length: levels}, (_, level) => (window / smallest_face) * pyramid_ratio ** level);
    const first = scales.filter((s) => window / s >= min_face * shorter);
    let faces = await this.#stages(pixels, first, signal);
    if (!faces.length && first.length < scales.length) faces = await this.#stages(pixels, scales, signal);
    if (!faces.length) {
      const between = scales.slice(0, -1).map((s) => s * pyramid_ratio ** 0.5);
      faces = await this.#stages(pixels, between, signal);
    }
    return faces.map(({box, score, landmarks}) => ({
      score,
      box: box.map((value) => value / scale),
      landmarks: landmarks.map((point) => point.map((value) => value / scale)),
    }));
  }

  async #stages(pixels, scales, signal) {
    let faces = [];
    for (const scale of scales) {
      const level = shrink(pixels, Math.floor(pixels.width * scale), Math.floor(pixels.height * scale));
      const windows = await this.#propose(level);
      faces.push(...suppress(windows, 0.5).map((face) => ({...face, box: face.box.map((value) => value / scale)})));
      await breathe();
      signal?.throwIfAborted();
    }
    const {refine, output} = this.settings;
    faces = suppress(faces, 0.7).map(square);
    faces = suppress(await this.#judge('refine', refine, pixels, faces, signal), 0.7).map(square);
    return suppress(await this.#judge('output', output, pixels, faces, signal), 0.7, true);
  }

  // The first network on an image of any size, by tiles of the one size that the browser's runtime is given.
  //
  // Tiles are laid from the right and the bottom, since the network treats that edge differently where the side is odd:
  // its last window then reaches one pixel beyond. In all other tiles that last window is left to the next tile.
  async #propose(image) {
    const {tile, window, stride, proposal} = this.settings;
    const step = tile - window + 1;
    const ends = (side) => {
      const last = side | 1; // a tile's side is odd
      return Array.from({length: Math.max(1, Math.ceil((last - window + 1) / step))}, (_, k) => [last - k * step, k > 0]);
    };
    const found = [];
    for (const [bottom, moreBelow] of ends(image.height)) {
      for (const [right, moreBeside] of ends(image.width)) {
        const [left, top] = [right - tile, bottom - tile];
        const {scores, offsets} = await this.run('proposal', {image: [cut(image, left, top, tile), [1, tile, tile, 3]]});
        const windows = Math.sqrt(scores.length / 2);
        const [columns, rows] = [windows - moreBeside, windows - moreBelow];
        for (let j = Math.max(0, Math.ceil(-top / stride)); j < rows; j++) {
          for (let i = Math.max(0, Math.ceil(-left / stride)); i < columns; i++) {
            const [x, y, at] = [left + i * stride, top + j * stride, j * windows + i];
            const score = scores[2 * at + 1];
            if (score <= proposal || x > image.width - window + 1 || y > image.height - window + 1) continue;
            const corners = [x + 1, y + 1, x + window, y + window];
            found.push({box: corners.map((value, k) => value + (window - 1) * offsets[4 * at + k]), score, x, y});
          }
        }
      }
    }
    return found.sort((a, b) => a.y - b.y || a.x - b.x);
  }

  async #judge(signature, {side, threshold}, pixels, faces, signal) {
    const kept = [];
    for (const [i, {box}] of faces.entries()) {
      if (i % 64 === 63) await breathe();
      signal?.throwIfAborted();
      const answer = await this.run(signature, {patches: [patch(pixels, box, side), [1, side, side, 3]]});
      const score = answer.scores[1];
      if (score <= threshold) continue;
      const points = answer.landmarks ?? [];
      const [width, height] = [box[2] - box[0] + 1, box[3] - box[1] + 1];
      const landmarks = Array.from({length: points.length / 2}, (_, k) => [
        points[k] * width + box[0] - 1,
        points[k + 5] * height + box[1] - 1,
      ]);
      kept.push({box: box.map((value, k) => value + answer.offsets[k] * (k % 2 ? height : width)), score, landmarks});
    }
    return kept;
  }
}

// The number of the face that a picture is about: area minus twice the squared distance to the centre; -1 for none.
export function mainFace(faces, {width, height}) {
  const weights = faces.map(({box: [x1, y1, x2, y2]}) => {
    const [dx, dy] = [(x1 + x2 - width) / 2, (y1 + y2 - height) / 2];
    return (x2 - x1) * (y2 - y1) - 2 * (dx ** 2 + dy ** 2);
  });
  return weights.indexOf(Math.max(...weights));
}

// What the networks take: (RGB - 127.5) / 128, black added on the right and at the bottom.
function normalised(image, width, height) {
  const data = new Float32Array(width * height * 3).fill(-127.5 / 128);
  for (let y = 0; y < image.height; y++) {
    for (let i = 0; i < image.width * 3; i++) {
      data[y * width * 3 + i] = (image.data[y * image.width * 3 + i] - 127.5) / 128;
    }
  }
  return {data, width, height};
}

// A square out of an image, zero outside of it.
function cut(image, left, top, side) {
  const data = new Float32Array(side * side * 3);
  const [from, to] = [Math.max(left, 0), Math.min(left + side, image.width)];
  for (let y = Math.max(top, 0); y < Math.min(top + side, image.height); y++) {
    const row = image.data.subarray((y * image.width + from) * 3, (y * image.width + to) * 3);
    data.set(row, ((y - top) * side + from - left) * 3);
  }
  return data;
}

// What tf.image.crop_and_resize cuts out of a box: zero outside of the image.
function patch(image, [x1, y1, x2, y2], side) {
  const data = new Float32Array(side * side * 3);
  for (let j = 0; j < side; j++) {
    const y = ((y1 + (j / (side - 1)) * (y2 - y1)) * (image.height - 1)) / image.height;
    for (let i = 0; i < side; i++) {
      const x = ((x1 + (i / (side - 1)) * (x2 - x1)) * (image.width - 1)) / image.width;
      if (x < 0 || y < 0 || x > image.width - 1 || y > image.height - 1) continue;
      sample(image, x, y, data, (j * side + i) * 3);
    }
  }
  return data;
}

// Drops what overlaps anything better, over the union or over the smaller box.
function suppress(found, threshold, overSmaller = false) {
  // Among equal scores the later one wins, as in the Python package.
  const faces = found.toReversed().sort((a, b) => b.score - a.score);
  const area = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);
  const overlap = (a, b) => {
    const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
    const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
    const shared = width * height;
    return shared / (overSmaller ? Math.min(area(a), area(b)) : area(a) + area(b) - shared);
  };
  return faces.filter(({box}, i) => {
    for (let better = 0; better < i; better++) if (overlap(faces[better].box, box) > threshold) return false;
    return true;
  });
}

function square(face) {
  const [x1, y1, x2, y2] = face.box;
  const side = Math.max(x2 - x1, y2 - y1);
  const [x, y] = [(x1 + x2 - side) / 2, (y1 + y2 - side) / 2];
  return {...face, box: [x, y, x + side, y + side]};
}

// The aligned face, uint8: least-squares similarity of eyes and nose tip to the template, then bilinear.
export function align(picture, landmarks, {template, size}) {
  const points = landmarks.slice(0, 3);
  const mean = (list, k) => list.reduce((sum, point) => sum + point[k], 0) / list.length;
  const [mx, my, tx, ty] = [mean(points, 0), mean(points, 1), mean(template, 0), mean(template, 1)];
  let [cosine, sine, spread] = [0, 0, 0];
  points.forEach(([x, y], i) => {
    const [px, py, qx, qy] = [x - mx, y - my, template[i][0] - tx, template[i][1] - ty];
    cosine += px * qx + py * qy;
    sine += px * qy - py * qx;
    spread += px * px + py * py;
  });
  const [a, b] = [cosine / spread, sine / spread]; // aligned = [[a, -b], [b, a]] (source - mean) + template's mean
  const times = Math.max(1, Math.floor(1 / Math.hypot(a, b))); // bilinear looks at four pixels only: shrink first
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.floor(side / times)));
  const [fx, fy] = [picture.width / width, picture.height / height];
  const source = (u, v) => {
    const [du, dv] = [(u - tx) / (a * a + b * b), (v - ty) / (a * a + b * b)];
    return [(a * du + b * dv + mx + 0.5) / fx - 0.5, (a * dv - b * du + my + 0.5) / fy - 0.5];
  };
  const corners = [source(0, 0), source(size, 0), source(0, size), source(size, size)];
  const range = (k, side) => {
    const values = corners.map((corner) => Math.floor(corner[k]));
    const start = Math.min(Math.max(Math.min(...values), 0), side - 1);
    return [start, Math.min(Math.max(Math.max(...values) + 2, start + 1), side)];
  };
  const [[left, right], [top, bottom]] = [range(0, width), range(1, height)];
  const part = picture.pixels(width, height, [left, top, right, bottom]);
  const data = new Uint8ClampedArray(size * size * 3);
  for (let v = 0; v < size; v++) {
    for (let u = 0; u < size; u++) {
      const [x, y] = source(u, v);
      sample(part, x - left, y - top, data, (v * size + u) * 3);
    }
  }
  return {data, width: size, height: size};
}

// What the model sees of an aligned face: resampled to `workingSize`, its centre cropped to `imageSize`; uint8.
export function modelView(face, workingSize, imageSize) {
  const resized = (workingSize < face.width ? shrink : enlarge)(face, workingSize, workingSize);
  const start = Math.floor((workingSize - imageSize) / 2);
  const view = new Uint8ClampedArray(imageSize * imageSize * 3);
  for (let y = 0; y < imageSize; y++) {
    const from = ((y + start) * workingSize + start) * 3;
    view.set(resized.data.subarray(from, from + imageSize * 3), y * imageSize * 3);
  }
  return new Uint8Array(view.buffer);
}
