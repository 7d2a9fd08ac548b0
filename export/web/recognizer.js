// The model and the face detector, by LiteRT in the browser.
import {loadAndCompile, loadLiteRt, Tensor} from './litert/core.js';
import {align, FaceFinder, mainFace, modelView} from './face.js';
import {assess} from './quality.js';

export class Recognizer {
  // Reads the files beside this one. Raises when one of them is missing or the browser cannot run them.
  static async load() {
    const settings = await (await fetched('settings.json')).json();
    const [detector, model] = await Promise.all(
      ['face_detector.tflite', 'model.tflite'].map(async (name) => new Uint8Array(await (await fetched(name)).arrayBuffer())),
    );
    await loadLiteRt('./litert/wasm/');
    const open = async (content) => runner(await loadAndCompile(content, {accelerator: 'wasm'}));
    return new Recognizer(settings, await open(detector), await open(model));
  }

  constructor(settings, detector, model) {
    this.settings = settings;
    this.finder = new FaceFinder(settings.detector, detector);
    this.model = model;
  }

  // All faces of a picture, from left to right, and the number of the one that it is about (-1 for none).
  async faces(picture, signal) {
    const faces = (await this.finder.find(picture, signal)).sort((a, b) => a.box[0] - b.box[0]);
    return {faces, main: mainFace(faces, picture)};
  }

  // What a face shows: {probabilities: in the order of `labels`, averageFace: RGB or undefined, quality: what `assess`
  // says of it}.
  async expression(picture, face) {
    const {model, alignment, quality} = this.settings;
    const aligned = align(picture, face.landmarks, alignment);
    const side = model.image_size;
    const view = modelView(aligned, model.working_size, side);
    const answer = await this.model('serving_default', {image: [view, [1, side, side, 3]]});
    return {
      probabilities: [...answer.probabilities],
      averageFace: answer.average_face,
      quality: assess(aligned, face.landmarks, quality),
    };
  }
}

async function fetched(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name} is not there (${response.status})`);
  return response;
}

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
