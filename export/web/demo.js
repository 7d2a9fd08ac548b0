// The page: a photo or the camera in, the expression and the average face out. Nothing leaves the browser.
import {openCamera} from './camera.js';
import {Picture, UserError} from './picture.js';
import {Recognizer} from './recognizer.js';

const element = (id) => document.getElementById(id);
const NO_FACE = ['No face found.', 'Faces are found upright and from the front, if they are 20 pixels wide or more.'];
const UNCERTAIN = 'uncertain'; // as ifgan_tf.predict calls a face that cannot be read

function say(kind, headline, more = '') {
  const status = element('status');
  const [strong, span] = status.children;
  // Written only when it changes: a screen reader reads every change aloud.
  if (strong.textContent !== headline) strong.textContent = headline;
  if (span.textContent !== more) span.textContent = more;
  status.dataset.kind = kind;
}

function showPicture(picture) {
  picture.draw(element('picture'), 1280);
  element('hint').hidden = true;
  element('frame').hidden = false;
}

// Boxes over the picture, buttons that call `choose` with their number; without it they only show.
function showFaces(faces, {width, height}, choose) {
  const percent = (value, side) => `${(100 * Math.min(Math.max(value, 0), side)) / side}%`;
  const boxes = faces.map(({box: [x1, y1, x2, y2]}, i) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.ariaLabel = `Face ${i + 1} of ${faces.length}`;
    button.disabled = !choose;
    button.onclick = () => choose(i);
    Object.assign(button.style, {
      left: percent(x1, width),
      top: percent(y1, height),
      right: percent(width - x2, width),
      bottom: percent(height - y2, height),
    });
    return button;
  });
  element('faces').replaceChildren(...boxes);
}

// Returns the label. What is made of a face that cannot be read is not shown: it would pass for an answer.
function showExpression(labels, {probabilities, averageFace, quality}, side) {
  if (quality.unreadable) {
    hideExpression();
    return UNCERTAIN;
  }
  const most = probabilities.indexOf(Math.max(...probabilities));
  const rows = element('probabilities').tBodies[0];
  while (rows.rows.length < labels.length) {
    const row = rows.insertRow();
    row.innerHTML = '<th scope="row"></th><td><span class="bar"></span></td><td></td>';
    row.cells[0].textContent = labels[row.sectionRowIndex];
  }
  [...rows.rows].forEach((row, i) => {
    row.className = i === most ? 'most' : '';
    row.querySelector('.bar').style.width = `${100 * probabilities[i]}%`;
    row.cells[2].textContent = `${(100 * probabilities[i]).toFixed(0)} %`;
  });
  element('probabilities').hidden = false;
  if (averageFace) drawAverage(averageFace, side);
  return labels[most];
}

function drawAverage(rgb, side) {
  const canvas = element('average').querySelector('canvas');
  canvas.width = canvas.height = side;
  const pixels = new ImageData(side, side);
  for (let i = 0, j = 0; j < rgb.length; i += 4, j += 3) pixels.data.set([rgb[j], rgb[j + 1], rgb[j + 2], 255], i);
  canvas.getContext('2d').putImageData(pixels, 0, 0);
  element('average').hidden = false;
}

// Why the label is to be trusted less, or why there is none, before whatever else is to be said.
function remarks({words, unreadable}, more) {
  if (!words.length) return more;
  const list = new Intl.ListFormat('en-GB').format(words);
  return unreadable ? `Too ${list} to be read. ${more}` : `The face is ${list}: trust this less. ${more}`;
}

function hideExpression() {
  element('probabilities').hidden = element('average').hidden = true;
}

function hideAnswer() {
  element('faces').replaceChildren();
  hideExpression();
}

class Demo {
  #input = new AbortController();

  constructor(recognizer) {
    this.recognizer = recognizer;
    this.labels = recognizer.settings.model.labels;
    this.side = recognizer.settings.model.image_size;
  }

  // Every input ends the one before it and all that shows of it. Returns the signal that tells when its own turn ends.
  begin(...message) {
    this.#input.abort();
    this.#input = new AbortController();
    hideAnswer();
    element('frame').hidden = true;
    element('hint').hidden = false;
    say(...message);
    return this.#input.signal;
  }

  // What fails is said in the place of an answer, unless somebody waits for another one by now.
  async #during(signal, work) {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      const words = error instanceof UserError ? [error.message, error.advice] : ['Something went wrong.', error.message];
      this.begin('error', ...words);
    }
  }

  async showFile(file) {
    const signal = this.begin('busy', 'Looking for faces…', file.name);
    await this.#during(signal, async () => {
      const picture = await Picture.open(file);
      if (signal.aborted) return picture.close();
      signal.addEventListener('abort', () => picture.close());
      showPicture(picture);
      const {faces, main} = await this.recognizer.faces(picture, signal);
      if (main < 0) return say('plain', ...NO_FACE);
      const choose = (i) => this.#during(signal, () => this.#choose(picture, faces, i, signal));
      showFaces(faces, picture, choose);
      await choose(main);
    });
  }

  async #choose(picture, faces, number, signal) {
    const boxes = [...element('faces').children];
    boxes.forEach((box, i) => (box.ariaPressed = String(i === number)));
    const expression = await this.recognizer.expression(picture, faces[number]);
    if (signal.aborted || boxes[number].ariaPressed !== 'true') return;
    const label = showExpression(this.labels, expression, this.side);
    const more = faces.length === 1 ? 'One face found.' : `Face ${number + 1} of ${faces.length}: choose another one in the picture.`;
    say('plain', label, remarks(expression.quality, more));
  }

  toggleCamera() {
    if (element('camera').dataset.state === 'off') return this.#startCamera();
    this.begin('plain', 'The camera is off.');
  }

  // A page that nobody sees watches nobody.
  leave() {
    if (element('camera').dataset.state !== 'on') return;
    this.begin('plain', 'The camera is off.', 'It was stopped when you left this page.');
  }

  async #startCamera() {
    const signal = this.begin('busy', 'Asking for the camera…', 'The browser wants your permission.');
    cameraButton('asking', 'Cancel');
    signal.addEventListener('abort', () => cameraButton('off', 'Start camera'));
    await this.#during(signal, async () => {
      const stream = await openCamera();
      const stop = () => stream.getTracks().forEach((track) => track.stop());
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop);
      stream.getVideoTracks()[0].onended = () => this.begin('error', 'The camera was disconnected.');
      cameraButton('on', 'Stop camera');
      if (document.hidden) return this.leave();
      const video = Object.assign(document.createElement('video'), {muted: true, playsInline: true, srcObject: stream});
      await video.play();
      while (!signal.aborted) {
        await this.#showFrame(video, signal);
        await new Promise(requestAnimationFrame);
      }
    });
  }

  async #showFrame(video, signal) {
    const picture = await Picture.of(video, 'The camera shows nothing.');
    try {
      const {faces, main} = await this.recognizer.faces(picture, signal);
      const expression = main < 0 ? null : await this.recognizer.expression(picture, faces[main]);
      if (signal.aborted) return;
      showPicture(picture);
      hideAnswer();
      if (!expression) return say('plain', ...NO_FACE);
      showFaces([faces[main]], picture);
      element('faces').firstChild.ariaPressed = 'true';
      const label = showExpression(this.labels, expression, this.side);
      say('plain', label, remarks(expression.quality, 'Live from the camera.'));
    } finally {
      picture.close();
    }
  }
}

function cameraButton(state, text) {
  element('camera').dataset.state = state;
  element('camera').textContent = text;
}

let demo;

element('file').addEventListener('change', ({target}) => {
  const [file] = target.files;
  if (!file) return; // the dialog was cancelled
  demo.showFile(file);
  target.value = ''; // so that the same file can be chosen again
});
element('camera').addEventListener('click', () => demo.toggleCamera());
document.addEventListener('visibilitychange', () => document.hidden && demo?.leave());
addEventListener('pagehide', () => demo?.leave());

// Registered before the model is there: otherwise the browser would leave the page and open what is dropped.
document.addEventListener('dragover', (event) => {
  event.preventDefault();
  document.body.classList.add('dragged');
});
document.addEventListener('dragleave', () => document.body.classList.remove('dragged'));
document.addEventListener('drop', (event) => {
  event.preventDefault();
  document.body.classList.remove('dragged');
  const [file] = event.dataTransfer.files;
  if (file) demo?.showFile(file);
  else demo?.begin('error', 'Only a file can be dropped here.', 'Save the picture first, then drop its file.');
});
document.addEventListener('paste', (event) => {
  const [file] = event.clipboardData.files;
  if (file) demo?.showFile(file);
});

try {
  demo = new Demo(await Recognizer.load());
  element('file').disabled = element('camera').disabled = false;
  demo.begin('plain', 'Ready.', 'Choose a photo with a face, or start the camera.');
} catch (error) {
  say('error', 'The demo cannot start.', error.message);
}
