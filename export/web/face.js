// Finding and aligning a face, as export/classify.py does it: MTCNN's networks by LiteRT, the rest here.
// An image is {data: Float32Array or Uint8Array of RGB, width, height}.

export function rgbOf(imageData) {
  const {data, width, height} = imageData;
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, j = 0; j < rgb.length; i += 4, j += 3) {
    rgb[j] = data[i];
    rgb[j + 1] = data[i + 1];
    rgb[j + 2] = data[i + 2];
  }
  return {data: rgb, width, height};
}

// Which source pixels every target pixel averages, and how much of each.
function spans(from, to) {
  const ratio = from / to;
  return Array.from({length: to}, (_, i) => {
    const start = i * ratio;
    const end = Math.min(from, start + ratio);
    const weights = [];
    for (let p = Math.floor(start); p < end - 1e-9; p++) {
      weights.push([p, (Math.min(end, p + 1) - Math.max(start, p)) / (end - start)]);
    }
    return weights;
  });
}

// Every target pixel is the mean of the source area it covers; for shrinking.
export function areaResize(image, width, height) {
  const across = spans(image.width, width);
  const down = spans(image.height, height);
  const rows = new Float32Array(width * image.height * 3);
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < width; x++) {
      for (const [p, weight] of across[x]) {
        for (let c = 0; c < 3; c++) {
          rows[(y * width + x) * 3 + c] += weight * image.data[(y * image.width + p) * 3 + c];
        }
      }
    }
  }
  const data = new Float32Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (const [p, weight] of down[y]) {
      for (let i = 0; i < width * 3; i++) data[y * width * 3 + i] += weight * rows[p * width * 3 + i];
    }
  }
  return {data, width, height};
}

// Bilinear value at (x, y), the edge repeated outside.
function sample(image, x, y, channel) {
  x = Math.min(Math.max(x, 0), image.width - 1);
  y = Math.min(Math.max(y, 0), image.height - 1);
  const left = Math.floor(x);
  const top = Math.floor(y);
  const right = Math.min(left + 1, image.width - 1);
  const bottom = Math.min(top + 1, image.height - 1);
  const at = (px, py) => image.data[(py * image.width + px) * 3 + channel];
  const upper = at(left, top) * (1 - x + left) + at(right, top) * (x - left);
  const lower = at(left, bottom) * (1 - x + left) + at(right, bottom) * (x - left);
  return upper * (1 - y + top) + lower * (y - top);
}

// What tf.image.crop_and_resize cuts out of a box [x1, y1, x2, y2]: zero outside of the image.
function patch(image, [x1, y1, x2, y2], side) {
  const data = new Float32Array(side * side * 3);
  for (let j = 0; j < side; j++) {
    const y = ((y1 + (j / (side - 1)) * (y2 - y1)) * (image.height - 1)) / image.height;
    for (let i = 0; i < side; i++) {
      const x = ((x1 + (i / (side - 1)) * (x2 - x1)) * (image.width - 1)) / image.width;
      if (x < 0 || y < 0 || x > image.width - 1 || y > image.height - 1) continue;
      for (let c = 0; c < 3; c++) data[(j * side + i) * 3 + c] = sample(image, x, y, c);
    }
  }
  return data;
}

// Drops what overlaps anything better, over the union or over the smaller box.
function suppress(found, threshold, overSmaller = false) {
  // Among equal scores the later one wins, as in the Python package.
  const order = found.map((face, i) => [face, i]).sort((a, b) => b[0].score - a[0].score || b[1] - a[1]);
  const faces = order.map(([face]) => face);
  const area = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);
  const overlap = (a, b) => {
    const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
    const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
    const shared = width * height;
    return shared / (overSmaller ? Math.min(area(a), area(b)) : area(a) + area(b) - shared);
  };
  return faces.filter((face, i) => !faces.slice(0, i).some((better) => overlap(better.box, face.box) > threshold));
}

function square(face) {
  const [x1, y1, x2, y2] = face.box;
  const side = Math.max(x2 - x1, y2 - y1);
  const [x, y] = [(x1 + x2 - side) / 2, (y1 + y2 - side) / 2];
  return {...face, box: [x, y, x + side, y + side]};
}

function moved(box, offsets) {
  const width = box[2] - box[0] + 1;
  const height = box[3] - box[1] + 1;
  return box.map((value, i) => value + offsets[i] * (i % 2 ? height : width));
}

export class FaceFinder {
  // settings: what web_demo.py wrote (canvas, levels [{side, scale}], thresholds); run: (signature, inputs) → outputs.
  constructor(settings, run) {
    this.settings = settings;
    this.run = run;
  }

  // The face an image is about: {box, score, landmarks: five [x, y]} in its pixels, or null.
  async find(image) {
    const {canvas} = this.settings;
    const scale = canvas / Math.max(image.width, image.height);
    const width = Math.max(1, Math.round(image.width * scale));
    const height = Math.max(1, Math.round(image.height * scale));
    const small = scale <= 1 ? areaResize(image, width, height) : enlarge(image, width, height);
    const data = new Float32Array(canvas * canvas * 3).fill(-127.5 / 128);
    for (let y = 0; y < height; y++) {
      for (let i = 0; i < width * 3; i++) {
        data[y * canvas * 3 + i] = (small.data[y * width * 3 + i] - 127.5) / 128;
      }
    }
    const faces = await this.#stages({data, width: canvas, height: canvas});
    let best = null;
    let most = -Infinity;
    for (const face of faces) {
      const [x1, y1, x2, y2] = face.box;
      const offset = [(x1 + x2 - width) / 2, (y1 + y2 - height) / 2];
      const weight = (x2 - x1) * (y2 - y1) - 2 * (offset[0] ** 2 + offset[1] ** 2);
      if (weight > most) [best, most] = [face, weight];
    }
    if (!best) return null;
    return {
      score: best.score,
      box: best.box.map((value) => value / scale),
      landmarks: best.landmarks.map(([x, y]) => [x / scale, y / scale]),
    };
  }

  async #stages(pixels) {
    const [first, second, third] = this.settings.thresholds;
    let faces = [];
    for (const {side, scale} of this.settings.levels) {
      const level = areaResize(pixels, side, side);
      const answer = await this.run(`proposal_${side}`, {image: [level.data, [1, side, side, 3]]});
      const width = Math.round(Math.sqrt(answer.scores.length / 2));
      const proposals = [];
      for (let i = 0; i < width * width; i++) {
        const score = answer.scores[2 * i + 1];
        if (score <= first) continue;
        const [x, y] = [(i % width) * 2, Math.floor(i / width) * 2];
        const corners = [x + 1, y + 1, x + 12, y + 12];
        const box = corners.map((value, k) => (value + 11 * answer.offsets[4 * i + k]) / scale);
        proposals.push({box, score});
      }
      faces.push(...suppress(proposals, 0.5));
    }
    faces = suppress(faces, 0.7).map(square);
    faces = suppress(await this.#judge('refine', 24, pixels, faces, second), 0.7).map(square);
    return suppress(await this.#judge('output', 48, pixels, faces, third), 0.7, true);
  }

  async #judge(signature, side, pixels, faces, threshold) {
    const kept = [];
    for (const {box} of faces) {
      const answer = await this.run(signature, {patches: [patch(pixels, box, side), [1, side, side, 3]]});
      const score = answer.scores[1];
      if (score <= threshold) continue;
      const points = answer.landmarks ?? [];
      const [width, height] = [box[2] - box[0] + 1, box[3] - box[1] + 1];
      const landmarks = Array.from({length: points.length / 2}, (_, i) => [
        points[i] * width + box[0] - 1,
        points[i + 5] * height + box[1] - 1,
      ]);
      kept.push({box: moved(box, answer.offsets), score, landmarks});
    }
    return kept;
  }
}

function enlarge(image, width, height) {
  const data = new Float32Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [sx, sy] = [((x + 0.5) * image.width) / width - 0.5, ((y + 0.5) * image.height) / height - 0.5];
      for (let c = 0; c < 3; c++) data[(y * width + x) * 3 + c] = sample(image, sx, sy, c);
    }
  }
  return {data, width, height};
}

// The aligned face: least-squares similarity of eyes and nose tip to the template, then bilinear.
export function align(image, landmarks, template, size) {
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
  const shrink = Math.floor(1 / Math.hypot(a, b));
  let [fx, fy] = [1, 1];
  if (shrink >= 2) {
    const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.floor(side / shrink)));
    [fx, fy] = [image.width / width, image.height / height];
    image = areaResize(image, width, height);
  }
  const norm = a * a + b * b;
  const data = new Float32Array(size * size * 3);
  for (let v = 0; v < size; v++) {
    for (let u = 0; u < size; u++) {
      const [du, dv] = [u - tx, v - ty];
      const x = (a * du + b * dv) / norm + mx;
      const y = (a * dv - b * du) / norm + my;
      for (let c = 0; c < 3; c++) {
        data[(v * size + u) * 3 + c] = sample(image, (x + 0.5) / fx - 0.5, (y + 0.5) / fy - 0.5, c);
      }
    }
  }
  return {data, width: size, height: size};
}

// What the networks see of an aligned face: resampled to workingSize, its centre cropped to imageSize; uint8.
export function modelView(face, workingSize, imageSize) {
  const method = workingSize < face.width ? areaResize : enlarge;
  const resized = method(face, workingSize, workingSize);
  const start = Math.floor((workingSize - imageSize) / 2);
  const view = new Uint8Array(imageSize * imageSize * 3);
  for (let y = 0; y < imageSize; y++) {
    for (let i = 0; i < imageSize * 3; i++) {
      const value = resized.data[((y + start) * workingSize + start) * 3 + i];
      view[y * imageSize * 3 + i] = Math.min(255, Math.max(0, Math.round(value)));
    }
  }
  return view;
}
