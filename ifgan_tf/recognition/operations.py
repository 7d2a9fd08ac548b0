"""What the graph of a SavedModel may do before it is loaded: compute. Some operations of TensorFlow write files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

# Arithmetic, shapes, layers, pictures, branches, and variables of the model itself: what exports of this project are
# made of, for every backbone, and their like. None reads or writes files, opens connections, prints or calls Python.
_COMPUTING = """
Abs Add AddN AddV2 All Any ArgMax ArgMin Assert AvgPool BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchToSpaceND
BiasAdd BroadcastTo Cast Ceil ClipByValue Concat ConcatOffset ConcatV2 Const Conv2D Conv2DBackpropInput Cos Cumsum
DepthToSpace DepthwiseConv2dNative DivNoNan Einsum Elu Empty EnsureShape Equal Erf Exp ExpandDims Expm1 Fill Floor
FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd GatherV2 Greater GreaterEqual
Identity IdentityN InvertPermutation LeakyRelu LeftShift Less LessEqual LinSpace Log Log1p LogSoftmax LogicalAnd
LogicalNot LogicalOr MatMul Max MaxPool MaxPoolV2 Maximum Mean Min Minimum MirrorPad Mod Mul MulNoNan Neg NoOp
NotEqual OneHot OnesLike Pack Pad PadV2 Placeholder PlaceholderWithDefault Pow PreventGradient Prod Range Rank
RealDiv Reciprocal Relu Relu6 Reshape ReverseV2 RightShift Roll Round Rsqrt ScatterNd Select SelectV2 Selu Shape
ShapeN Sigmoid Sign Sin Size Slice Snapshot Softmax Softplus Softsign SpaceToBatchND SpaceToDepth Split SplitV Sqrt
Square SquaredDifference Squeeze StopGradient StridedSlice Sub Substr Sum Tan Tanh Tile TopKV2 Transpose TruncateDiv
Unpack Where Xdivy ZerosLike
DecodeImage DecodePaddedRaw DecodeRaw StringLength EncodePng ExtractJpegShape
CropAndResize ResizeArea ResizeBilinear ResizeNearestNeighbor
Case If Merge PartitionedCall StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile Switch While
EmptyTensorList TensorListFromTensor TensorListGetItem TensorListLength TensorListReserve TensorListSetItem
TensorListStack
BatchDataset BatchDatasetV2 ConcatenateDataset DatasetToSingleElement IgnoreErrorsDataset MapDataset
ParallelMapDatasetV2 TensorDataset TensorSliceDataset
AssignVariableOp ReadVariableOp VarHandleOp VarIsInitializedOp
"""
COMPUTING = frozenset(_COMPUTING.split())
# How TensorFlow saves and restores a model's weights by its graph. It loads them in another way, so nothing that is
# called may lead here.
_SAVING = frozenset(
    {"DisableCopyOnRead", "MergeV2Checkpoints", "RestoreV2", "SaveV2"}
    | {"ShardedFilename", "StaticRegexFullMatch", "StringJoin"}
)
_SUBSTITUTE = "api_implements"  # by which the graph optimiser puts one function in the place of another
MAX_GRAPH_BYTES = 1 << 30


def refuse_other_operations(folder: Path) -> None:
    """Sees that the graphs of a SavedModel hold nothing but `COMPUTING` operations, before TensorFlow loads them.

    Loading runs what a SavedModel calls its initialisers, asking it the rest; `WriteFile`, a reader of records, a
    printer to a file are operations like any other.

    Args:
      folder: of the SavedModel, with its `saved_model.pb`.

    Raises:
      ValueError: naming an operation that is none of them, or when it is no SavedModel of TensorFlow 2.
      OSError: when it cannot be read.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    with (folder / "saved_model.pb").open("rb") as file:
        content = file.read(MAX_GRAPH_BYTES + 1)
    if len(content) > MAX_GRAPH_BYTES:
        raise ValueError(f"a graph of more than {MAX_GRAPH_BYTES:,} bytes")
    try:
        graphs = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    except DecodeError:
        raise ValueError("saved_model.pb cannot be decoded") from None
    if not graphs:
        raise ValueError("it holds no graph")
    for graph in graphs:
        if not graph.object_graph_def.nodes:  # of TensorFlow 1: its loader runs whatever a collection names
            raise ValueError("its graph is of TensorFlow 1")
        _refuse(graph)


def _refuse(graph: Any) -> None:
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    savers = _savers(graph)
    for name, function in functions.items():
        allowed = COMPUTING | _SAVING if name in savers else COMPUTING
        _refuse_nodes(function.node_def, allowed)
        if _SUBSTITUTE in function.attr or (name not in savers and savers & set(_called(function.node_def))):
            raise ValueError(f"its function {name[:80]!r} may lead to one that reads and writes files")
    _refuse_nodes(graph.graph_def.node, COMPUTING)
    if savers & _named(graph) or graph.graph_def.library.gradient:
        raise ValueError("it names functions that read and write files as its own")


def _savers(graph: Any) -> set[str]:
    """The functions that save and restore the weights: what the graph's nodes of these names call."""
    definition = graph.saver_def
    nodes = {name.partition(":")[0] for name in (definition.save_tensor_name, definition.restore_op_name) if name}
    return set(_called(node for node in graph.graph_def.node if node.name in nodes))


def _called(nodes: Iterable[Any]) -> Iterator[str]:
    """The functions that nodes refer to."""
    for node in nodes:
        for value in node.attr.values():
            if value.HasField("func"):
                yield value.func.name
            yield from (function.name for function in value.list.func)


def _named(graph: Any) -> set[str]:
    """The functions that Python gets to see once the model is loaded."""
    objects = graph.object_graph_def
    named = set(objects.concrete_functions)
    for node in objects.nodes:
        named |= {*node.function.concrete_functions, node.bare_concrete_function.concrete_function_name}
    return named


def _refuse_nodes(nodes: Iterable[Any], allowed: frozenset[str]) -> None:
    for node in nodes:
        if node.op not in allowed:
            raise ValueError(
                f"its graph holds the operation {node.op[:80]}, which is in no export of this project; it is not run"
            )
