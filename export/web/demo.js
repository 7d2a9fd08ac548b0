// The page: a photo or the camera in, the expression and the average face out. Nothing leaves the browser.
import {loadAndCompile, loadLiteRt, Tensor} from './litert/core.js';
import {align, FaceFinder, modelView, rgbOf} from './face.js';

const element = (id) => document.getElementById(id);
const say = (text) => (element('status').textContent = text);

// Runs a signature: {name: [typed array, shape]} → {name: typed array}.
function runner(model) {
  return async (signature, inputs) => {
    const tensors = Object.entries(inputs).map(([name, [data, shape]]) => [name, new Tensor(data, shape)]);
    const outputs = await model.run(signature, Object.fromEntries(tensors));
    const answer = {};
    for (const [name, tensor] of Object.entries(outputs)) {
      answer[name] = (await tensor.data()).slice();
      tensor.delete();
    }
    tensors.forEach(([, tensor]) => tensor.delete());
    return answer;
  };
}

class Demo {
  static async load() {
    const settings = await (await fetch('settings.json')).json();
    await loadLiteRt('./litert/wasm/');
    const open = async (file) => runner(await loadAndCompile(file, {accelerator: 'wasm'}));
    return new Demo(settings, await open('face_detector.tflite'), await open('model.tflite'));
  }

  constructor(settings, detector, model) {
    this.settings = settings;
    this.finder = new FaceFinder(settings.detector, detector);
    this.model = model;
  }

  // Recognises what an image, video or canvas element shows; null without a face.
  async recognise(source, width, height) {
    const {model, alignment, detector} = this.settings;
    const shrink = Math.min(1, detector.max_side / Math.max(width, height));
    const canvas = element('picture');
    canvas.width = Math.round(width * shrink);
    canvas.height = Math.round(height * shrink);
    const context = canvas.getContext('2d', {willReadFrequently: true});
    context.drawImage(source, 0, 0, canvas.width, canvas.height);
    const image = rgbOf(context.getImageData(0, 0, canvas.width, canvas.height));
    const face = await this.finder.find(image);
    if (!face) return null;
    const aligned = align(image, face.landmarks, alignment.template, alignment.size);
    const view = modelView(aligned, model.working_size, model.image_size);
    const side = model.image_size;
    const answer = await this.model('serving_default', {image: [view, [1, side, side, 3]]});
    const probabilities = Object.fromEntries(model.labels.map((name, i) => [name, answer.probabilities[i]]));
    return {face, probabilities, averageFace: answer.average_face ?? null};
  }

  show(result) {
    const canvas = element('picture');
    const chart = element('probabilities');
    chart.replaceChildren();
    element('average').hidden = !result?.averageFace;
    if (!result) {
      say('No face found: try a picture from the front, in good light.');
      return;
    }
    const [x1, y1, x2, y2] = result.face.box;
    const context = canvas.getContext('2d');
    context.strokeStyle = '#ffd600';
    context.lineWidth = Math.max(2, canvas.width / 200);
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    const ranked = Object.entries(result.probabilities).sort((a, b) => b[1] - a[1]);
    for (const [name, probability] of ranked) {
      const row = chart.insertRow();
      row.insertCell().textContent = name;
      const bar = document.createElement('progress');
      bar.value = probability;
      row.insertCell().append(bar);
      row.insertCell().textContent = `${(100 * probability).toFixed(0)} %`;
    }
    if (result.averageFace) this.#drawAverage(result.averageFace);
    say(`${ranked[0][0]}, ${(100 * ranked[0][1]).toFixed(0)} %`);
  }

  #drawAverage(rgb) {
    const side = this.settings.model.image_size;
    const canvas = element('average');
    canvas.width = canvas.height = side;
    const pixels = new ImageData(side, side);
    for (let i = 0, j = 0; j < rgb.length; i += 4, j += 3) pixels.data.set([rgb[j], rgb[j + 1], rgb[j + 2], 255], i);
    canvas.getContext('2d').putImageData(pixels, 0, 0);
  }
}

async function showFile(demo, file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    say(`${file.name} is not a picture this browser can read.`);
    return;
  }
  window.lastResult = await demo.recognise(bitmap, bitmap.width, bitmap.height);
  demo.show(window.lastResult);
}

async function toggleCamera(demo) {
  const video = element('camera');
  if (video.srcObject) {
    video.srcObject.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    return;
  }
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({video: {facingMode: 'user'}});
  } catch (error) {
    say(`The camera does not open: ${error.message}`);
    return;
  }
  await video.play();
  while (video.srcObject) {
    demo.show(await demo.recognise(video, video.videoWidth, video.videoHeight));
    await new Promise(requestAnimationFrame);
  }
}

try {
  const demo = await Demo.load();
  element('file').addEventListener('change', (event) => showFile(demo, event.target.files[0]));
  element('start').addEventListener('click', () => toggleCamera(demo));
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) showFile(demo, event.dataTransfer.files[0]);
  });
  element('file').disabled = element('start').disabled = false;
  say('Ready.');
} catch (error) {
  say(`This browser cannot run the demo: ${error.message}`);
}
