"""A SavedModel as TF Serving has it: a graph in a session, asked over REST and gRPC.

A stand-in for the parts of TensorFlow Serving that a client meets (`:predict` with rows, `PredictionService.Predict`);
the graph, its signatures and its variables are loaded by the same code as there.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf


class SessionModel:
    """The signatures of a version, by name."""

    def __init__(self, version: Path) -> None:
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            self.meta_graph = tf.compat.v1.saved_model.load(self.session, ["serve"], str(version))
        self.signatures = {
            name: definition
            for name, definition in self.meta_graph.signature_def.items()
            if definition.method_name == "tensorflow/serving/predict"
        }

    def predict(self, signature: str, **inputs: Any) -> dict[str, np.ndarray]:
        """One request.

        Raises:
          KeyError: when there is no such signature or input.
          tf.errors.OpError: when the graph fails.
        """
        definition = self.signatures[signature]
        feed = {}
        for name, value in inputs.items():
            dtype = tf.dtypes.as_dtype(definition.inputs[name].dtype).as_numpy_dtype
            feed[definition.inputs[name].name] = np.asarray(value, dtype)
        return self.session.run({name: info.name for name, info in definition.outputs.items()}, feed)

    def uninitialised(self) -> list[str]:
        """Names of the graph's variables that no file filled."""
        graph = self.session.graph
        handles = [operation for operation in graph.get_operations() if operation.type == "VarHandleOp"]
        with graph.as_default():
            filled = [tf.raw_ops.VarIsInitializedOp(resource=handle.outputs[0]) for handle in handles]
        answers = self.session.run(filled)
        return [handle.name for handle, answer in zip(handles, answers, strict=True) if not answer]


class Ports(NamedTuple):
    rest: int
    grpc: int


@contextlib.contextmanager
def serve(version: Path, name: str) -> Iterator[Ports]:
    """Serves a version under `name` on free ports of this machine."""
    import grpc
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    model = SessionModel(version)
    http = ThreadingHTTPServer(("localhost", 0), _rest_handler(model, name))
    rpc = grpc.server(ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_servicer(model, name), rpc)
    ports = Ports(http.server_address[1], rpc.add_insecure_port("localhost:0"))
    threading.Thread(target=http.serve_forever, daemon=True).start()
    rpc.start()
    try:
        yield ports
    finally:
        http.shutdown()
        http.server_close()
        rpc.stop(None).wait()


def _rest_handler(model: SessionModel, name: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                if self.path != f"/v1/models/{name}:predict":
                    raise KeyError(f"Servable not found: {self.path}")
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                rows = [_row(instance, model, request) for instance in request["instances"]]
                columns = {key: [row[key] for row in rows] for key in rows[0]}
                outputs = model.predict(request.get("signature_name", "serving_default"), **columns)
                values = {key: _to_json(key, value) for key, value in outputs.items()}
                rows = [{key: value[row] for key, value in values.items()} for row in range(len(rows))]
                self._send(200, {"predictions": rows})
            except KeyError as error:
                self._send(404, {"error": str(error)})
            except (ValueError, tf.errors.OpError) as error:
                self._send(400, {"error": str(error)})

        def _send(self, code: int, answer: dict[str, Any]) -> None:
            content = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _row(instance: Any, model: SessionModel, request: dict[str, Any]) -> dict[str, Any]:
    """A row by input name; the only input's name may be left out."""
    names = list(model.signatures[request.get("signature_name", "serving_default")].inputs)
    named = instance if isinstance(instance, dict) and set(instance) != {"b64"} else {names[0]: instance}
    return {key: _from_json(value) for key, value in named.items()}


def _from_json(value: Any) -> Any:
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


def _to_json(key: str, value: np.ndarray) -> list[Any]:
    if value.dtype != object:
        return value.tolist()
    if key.endswith("_bytes"):
        return [{"b64": base64.b64encode(item).decode()} for item in value]
    return [item.decode() for item in value]


def _servicer(model: SessionModel, name: str) -> Any:
    import grpc
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    class Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802, the protocol's name
            if request.model_spec.name != name:
                context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found: {request.model_spec.name}")
            inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
            signature = request.model_spec.signature_name or "serving_default"
            try:
                outputs = model.predict(signature, **inputs)
            except (KeyError, ValueError, tf.errors.OpError) as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            response = predict_pb2.PredictResponse(model_spec=request.model_spec)
            for key, value in outputs.items():
                response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
            return response

    return Servicer()
