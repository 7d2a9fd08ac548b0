// The probabilities that TensorFlow.js gives: node ask_tfjs.js MODULE FOLDER, FOLDER with model.json and faces.json.
const fs = require("fs");
const path = require("path");

const [, , library, folder] = process.argv;
const tf = require(library);
const read = (name) => JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"));

const { modelTopology, weightsManifest, signature } = read("model.json");
const paths = weightsManifest.flatMap((group) => group.paths);
const bytes = Buffer.concat(paths.map((name) => fs.readFileSync(path.join(folder, name))));
const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
const weightSpecs = weightsManifest.flatMap((group) => group.weights);

(async () => {
  const model = await tf.loadGraphModel({ load: async () => ({ modelTopology, weightSpecs, weightData, signature }) });
  const { shape, values } = read("faces.json");
  const answer = await model.executeAsync(tf.tensor(values, shape, "int32"));
  console.log(JSON.stringify(Array.from(await answer.data())));
})();
