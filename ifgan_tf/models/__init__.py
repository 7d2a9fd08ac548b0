"""The networks, in Keras on TensorFlow: seen to here, once, before any is built."""

import keras

from ifgan_tf.errors import UserError

if keras.backend.backend() != "tensorflow":
    raise UserError(
        f"Keras runs on {keras.backend.backend()} in this process; expected tensorflow: import ifgan_tf before keras, "
        f"or set KERAS_BACKEND=tensorflow"
    )
# What a keras.json of the user may say otherwise.
keras.config.set_image_data_format("channels_last")
keras.config.set_floatx("float32")
