// The camera, or in plain words why there is none.
import {UserError} from './picture.js';

const REASONS = {
  NotAllowedError: ['The camera was refused.', 'Allow it for this page beside its address, then start it again.'],
  NotFoundError: ['There is no camera.', 'Connect one and start it again, or choose a photo.'],
  NotReadableError: ['The camera cannot be read.', 'Another program may be using it: close that, then start it again.'],
};

export async function openCamera() {
  if (!navigator.mediaDevices) {
    throw new UserError('There is no camera for this page.', 'Browsers give it to https and to localhost only.');
  }
  try {
    return await navigator.mediaDevices.getUserMedia({video: {facingMode: 'user'}});
  } catch (error) {
    throw new UserError(...(REASONS[error.name] ?? ['The camera does not open.', error.message]));
  }
}
