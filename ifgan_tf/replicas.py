"""What several replicas of the networks, each with a part of the batch, have to say to one another (`tf.distribute`).

These functions are called in a replica's own context: in what `tf.distribute.Strategy.run` runs, or, with one replica,
anywhere. One replica has nobody to ask: nothing is added to its graph.

What every replica computes from sums over all of them is the same on all, bit by bit. So variables that are assigned in
a replica's context stay alike without further ado.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def count() -> int:
    """How many replicas there are, n."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def total(values: Any) -> Any:
    """The sums over all replicas of a nest of tensors, each of one shape everywhere; gradients flow through them."""
    if count() == 1:
        return values
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def mean(values: Any) -> Any:
    """The means over all replicas of a nest of tensors."""
    if count() == 1:
        return values
    return tf.nest.map_structure(lambda value: value / count(), total(values))


def own_part(rows: tf.Tensor) -> tf.Tensor:
    """Those rows, [T, …] → [T/n, …], that this replica has to itself: the first, the n-th after it, and so on.

    The numbers of two replicas may differ by one.
    """
    return rows if count() == 1 else rows[_index() :: count()]


def whole(part: tf.Tensor, length: int) -> tf.Tensor:
    """Puts what came of every `own_part` of `length` rows together again, [T, …]; gradients flow through it."""
    if count() == 1:
        return part
    places = own_part(tf.range(length))[:, tf.newaxis]
    return total(tf.scatter_nd(places, part, tf.concat([[length], tf.shape(part)[1:]], axis=0)))


def run(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function on every replica, and returns what the first one returned.

    Args:
      function: whose results are the same everywhere.
      *arguments: of every replica (`tf.distribute.DistributedValues`), or the same for all.
    """
    results = on_each(function, *arguments)
    if count() == 1:
        return results
    local = tf.distribute.get_strategy().experimental_local_results
    return tf.nest.map_structure(lambda value: local(value)[0], results)


def on_each(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function on every replica, and returns what each returned, as it can be given to them again.

    Args:
      function, *arguments: as in `run`; results may differ.
    """
    return function(*arguments) if count() == 1 else tf.distribute.get_strategy().run(function, args=arguments)


def _index() -> tf.Tensor:
    return tf.distribute.get_replica_context().replica_id_in_sync_group
