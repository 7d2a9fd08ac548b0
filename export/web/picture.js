// Pictures as numbers, by the rules of export/classify.py: upright, transparent parts on black, shrunk to means of areas.
// An image is {data: RGB, row by row, width, height}.

const MOST_PIXELS = 2 ** 27;
const BAND = 2 ** 21; // so many pixels of a photo are numbers at a time

// Something a person can mend: what is wrong, and what to do.
export class UserError extends Error {
  constructor(message, advice = '') {
    super(message);
    this.advice = advice;
  }
}

// A picture as the browser holds it; only the part that is asked for becomes numbers.
export class Picture {
  // Raises UserError for a file that is no picture of this browser, damaged or too large.
  static async open(file) {
    const [width, height] = await sizeOf(file);
    if (width * height > MOST_PIXELS) {
      const millions = Math.ceil((width * height) / 1e6);
      throw new UserError(`${file.name} is too large.`, `It has ${millions} million pixels; 134 million is the most.`);
    }
    // Upright is the browser's work: Chromium turns JPEG, PNG and AVIF by their EXIF, WebP not.
    // Colours as they are in the file, whatever profile is in it: so are the pictures that the model was trained on.
    return Picture.of(file, `${file.name} cannot be read.`, {colorSpaceConversion: 'none'});
  }

  // What an image, a video or a file shows at this moment.
  static async of(source, failure, options) {
    try {
      return new Picture(await createImageBitmap(source, options));
    } catch {
      throw new UserError(failure, 'It is damaged, or too large for this browser.');
    }
  }

  constructor(bitmap) {
    this.bitmap = bitmap;
    this.width = bitmap.width;
    this.height = bitmap.height;
  }

  close() {
    this.bitmap.close();
  }

  // Draws the whole picture on a canvas, no side longer than `most`.
  draw(canvas, most) {
    const scale = Math.min(1, most / Math.max(this.width, this.height));
    canvas.width = Math.max(1, Math.round(this.width * scale));
    canvas.height = Math.max(1, Math.round(this.height * scale));
    const context = canvas.getContext('2d', {alpha: false});
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.bitmap, 0, 0, canvas.width, canvas.height);
  }

  // The picture shrunk to `width` x `height` (or as it is), uint8; of that copy the part from [left, top] to before
  // [right, bottom].
  pixels(width, height, [left, top, right, bottom] = [0, 0, width, height]) {
    const across = spans(this.width, width, left, right);
    const down = spans(this.height, height, top, bottom);
    const data = new Uint8ClampedArray(across.length * down.length * 3);
    const rows = Math.max(1, Math.floor((BAND / this.width / this.height) * height));
    for (let row = 0; row < down.length; row += rows) {
      const band = down.slice(row, row + rows);
      const part = this.#read(across[0].start, band[0].start, end(across.at(-1)), end(band.at(-1)));
      data.set(means(part, moved(across, -across[0].start), moved(band, -band[0].start)).data, row * across.length * 3);
    }
    return {data, width: across.length, height: down.length};
  }

  #read(left, top, right, bottom) {
    const [width, height] = [right - left, bottom - top];
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', {alpha: false, willReadFrequently: true}); // black to begin with
    context.drawImage(this.bitmap, -left, -top);
    const {data} = context.getImageData(0, 0, width, height);
    const rgb = new Uint8Array(width * height * 3);
    for (let i = 0, j = 0; j < rgb.length; i += 4, j += 3) {
      rgb[j] = data[i];
      rgb[j + 1] = data[i + 1];
      rgb[j + 2] = data[i + 2];
    }
    return {data: rgb, width, height};
  }
}

// Read before the pixels are: a picture that is too large never takes the memory.
async function sizeOf(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await new Promise((done, failed) => Object.assign(image, {onload: done, onerror: failed}));
    return [image.naturalWidth, image.naturalHeight];
  } catch {
    throw new UserError(`${file.name} cannot be read.`, 'It is damaged, or not a picture that this browser knows.');
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

// Which of `from` pixels each of `to` means covers, and how much of each: [{start, weights}], from the first to before
// the last.
function spans(from, to, first = 0, last = to) {
  const ratio = from / to;
  return Array.from({length: last - first}, (_, i) => {
    const begin = (first + i) * ratio;
    const stop = Math.min(from, begin + ratio);
    const start = Math.floor(begin + 1e-9);
    const weights = [];
    for (let p = start; p < stop - 1e-9; p++) {
      weights.push((Math.min(stop, p + 1) - Math.max(begin, p)) / (stop - begin));
    }
    return {start, weights};
  });
}

const end = ({start, weights}) => start + weights.length;
const moved = (list, by) => list.map(({start, weights}) => ({start: start + by, weights}));

function means(image, across, down) {
  const [width, height] = [across.length, down.length];
  const rows = new Float32Array(width * image.height * 3);
  for (let y = 0, to = 0; y < image.height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const {start, weights} = across[x];
      let from = (y * image.width + start) * 3;
      for (let k = 0; k < weights.length; k++, from += 3) {
        rows[to] += weights[k] * image.data[from];
        rows[to + 1] += weights[k] * image.data[from + 1];
        rows[to + 2] += weights[k] * image.data[from + 2];
      }
    }
  }
  const data = new Float32Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const {start, weights} = down[y];
    for (let k = 0; k < weights.length; k++) {
      const from = (start + k) * width * 3;
      for (let i = 0; i < width * 3; i++) data[y * width * 3 + i] += weights[k] * rows[from + i];
    }
  }
  return {data, width, height};
}

// Every pixel of the smaller copy is the mean of the area that it covers.
export function shrink(image, width, height) {
  return means(image, spans(image.width, width), spans(image.height, height));
}

// Bilinear, as cv2.resize does it.
export function enlarge(image, width, height) {
  const data = new Float32Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [sx, sy] = [((x + 0.5) * image.width) / width - 0.5, ((y + 0.5) * image.height) / height - 0.5];
      sample(image, sx, sy, data, (y * width + x) * 3);
    }
  }
  return {data, width, height};
}

// Writes the bilinear value at (x, y) to data[to…to+2]; outside of the image its edge is repeated.
export function sample(image, x, y, data, to) {
  x = Math.min(Math.max(x, 0), image.width - 1);
  y = Math.min(Math.max(y, 0), image.height - 1);
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, bottom] = [Math.min(left + 1, image.width - 1), Math.min(top + 1, image.height - 1)];
  for (let c = 0; c < 3; c++) {
    const at = (px, py) => image.data[(py * image.width + px) * 3 + c];
    const upper = at(left, top) * (1 - x + left) + at(right, top) * (x - left);
    const lower = at(left, bottom) * (1 - x + left) + at(right, bottom) * (x - left);
    data[to + c] = upper * (1 - y + top) + lower * (y - top);
  }
}
