"""The modules of released Keras that hold what a configuration may name.

Read from the same released packages as `graphlint.knowledge.releases`, below ``keras`` and below ``keras.src``; what no
model is made of (backends, callbacks, datasets, tests) is left out.
"""

from __future__ import annotations

from functools import cache

_MODULES = """
.: __internal__ activations api_export applications benchmarks config constraints distillation distribution
  dtype_policies engine experimental export feature_column initializers keras layers legacy legacy_tf_layers losses
  metrics mixed_precision models ops optimizers premade_models preprocessing quantizers random regularizers saving
  trainers utils version wrappers
__internal__: layers losses
_legacy: layers losses
_legacy.preprocessing: image sequence text
activations: activations
applications: convnext densenet efficientnet efficientnet_v2 imagenet_utils inception_resnet_v2 inception_v3
  mobilenet mobilenet_v2 mobilenet_v3 nasnet regnet resnet resnet50 resnet_rs resnet_v2 vgg16 vgg19 xception
benchmarks: benchmark_util distribution_util model_memory_profile
constraints: constraints
dtensor: experimental
dtensor.experimental: optimizers
dtype_policies: dtype_policy dtype_policy_map
engine: base_layer base_layer_utils base_layer_v1 base_preprocessing_layer compile_utils data_adapter functional
  functional_utils input_layer input_spec keras_tensor node partial_batch_padding_handler saving sequential
  steps_per_execution_tuning training training_arrays_v1 training_distributed_v1 training_eager_v1
  training_generator_v1 training_utils training_utils_v1 training_v1
export: export_lib export_utils litert neptune_model_export_archive onnx openvino saved_model
  saved_model_export_archive tf2onnx_lib tfsm_layer torch
feature_column: base_feature_layer dense_features dense_features_v2 sequence_feature_column
initializers: constant_initializers initializer initializers initializers_v1 random_initializers
keras: __internal__ activations applications backend callbacks constraints datasets estimator experimental export
  initializers layers losses metrics mixed_precision models optimizers premade preprocessing regularizers saving
  utils wrappers
keras.__internal__: layers legacy
keras.__internal__.legacy: layers rnn_cell
keras.__internal__.legacy.layers: experimental
keras.applications: convnext densenet efficientnet efficientnet_v2 imagenet_utils inception_resnet_v2 inception_v3
  mobilenet mobilenet_v2 mobilenet_v3 nasnet regnet resnet resnet50 resnet_rs resnet_v2 vgg16 vgg19 xception
keras.callbacks: experimental
keras.datasets: boston_housing cifar10 cifar100 fashion_mnist imdb mnist reuters
keras.layers: experimental
keras.layers.experimental: preprocessing
keras.optimizers: legacy schedules
keras.preprocessing: image sequence text
keras.utils: legacy
keras.wrappers: scikit_learn
layers: activation activations attention convolutional core experimental input_spec kernelized layer
  locally_connected merging noise normalization pooling preprocessing regularization reshaping rnn serialization
layers.activation: elu leaky_relu prelu relu softmax thresholded_relu
layers.activations: activation elu leaky_relu prelu relu softmax
layers.attention: additive_attention attention base_dense_attention grouped_query_attention multi_head_attention
layers.convolutional: base_conv base_conv_transpose base_depthwise_conv base_separable_conv conv1d conv1d_transpose
  conv2d conv2d_transpose conv3d conv3d_transpose depthwise_conv1d depthwise_conv2d separable_conv1d
  separable_conv2d
layers.core: activation dense einsum_dense embedding identity input_layer lambda_layer masking reversible_embedding
  tf_op_layer wrapper
layers.experimental: preprocessing
layers.locally_connected: locally_connected1d locally_connected2d locally_connected_utils
layers.merging: add average base_merge concatenate dot maximum minimum multiply subtract
layers.normalization: batch_normalization batch_normalization_v1 group_normalization layer_normalization
  rms_normalization spectral_normalization unit_normalization
layers.pooling: adaptive_average_pooling1d adaptive_average_pooling2d adaptive_average_pooling3d
  adaptive_max_pooling1d adaptive_max_pooling2d adaptive_max_pooling3d average_pooling1d average_pooling2d
  average_pooling3d base_adaptive_pooling base_global_pooling base_global_pooling1d base_global_pooling2d
  base_global_pooling3d base_pooling base_pooling1d base_pooling2d base_pooling3d global_average_pooling1d
  global_average_pooling2d global_average_pooling3d global_max_pooling1d global_max_pooling2d global_max_pooling3d
  max_pooling1d max_pooling2d max_pooling3d
layers.preprocessing: audio_preprocessing benchmarks category_encoding center_crop data_layer discretization
  feature_space hashed_crossing hashing image_preprocessing index_lookup integer_lookup mel_spectrogram
  normalization pipeline preprocessing_stage preprocessing_utils random_brightness random_contrast random_crop
  random_flip random_rotation random_translation random_zoom rescaling resizing stft_spectrogram string_lookup
  text_vectorization tf_data_layer
layers.preprocessing.benchmarks: bucketized_column_dense_benchmark category_encoding_benchmark
  category_hash_dense_benchmark category_hash_varlen_benchmark category_vocab_file_dense_benchmark
  category_vocab_file_varlen_benchmark category_vocab_list_dense_benchmark
  category_vocab_list_indicator_dense_benchmark category_vocab_list_indicator_varlen_benchmark
  category_vocab_list_varlen_benchmark discretization_adapt_benchmark embedding_dense_benchmark
  embedding_varlen_benchmark feature_column_benchmark hashed_crossing_benchmark hashing_benchmark
  image_preproc_benchmark index_lookup_adapt_benchmark index_lookup_forward_benchmark normalization_adapt_benchmark
  weighted_embedding_varlen_benchmark
layers.preprocessing.image_preprocessing: aug_mix auto_contrast base_image_preprocessing_layer bounding_boxes
  center_crop clahe cut_mix equalization max_num_bounding_box mix_up rand_augment random_brightness
  random_color_degeneration random_color_jitter random_contrast random_crop random_elastic_transform random_erasing
  random_flip random_gaussian_blur random_grayscale random_hue random_invert random_perspective random_posterization
  random_rotation random_saturation random_sharpness random_shear random_translation random_zoom resizing
  solarization
layers.preprocessing.image_preprocessing.bounding_boxes: bounding_box converters formats iou validation
layers.regularization: activity_regularization alpha_dropout dropout gaussian_dropout gaussian_noise spatial_dropout
  spatial_dropout1d spatial_dropout2d spatial_dropout3d
layers.reshaping: cropping1d cropping2d cropping3d flatten permute repeat_vector reshape up_sampling1d up_sampling2d
  up_sampling3d zero_padding1d zero_padding2d zero_padding3d
layers.rnn: abstract_rnn_cell base_conv_lstm base_conv_rnn base_cudnn_rnn base_rnn base_wrapper bidirectional
  cell_wrappers conv_lstm conv_lstm1d conv_lstm2d conv_lstm3d cudnn_gru cudnn_lstm dropout_rnn_cell
  dropout_rnn_cell_mixin gru gru_lstm_utils gru_v1 legacy_cell_wrappers legacy_cells lstm lstm_v1 rnn rnn_utils
  simple_rnn stacked_rnn_cells time_distributed
legacy: backend layers losses preprocessing saving
legacy.preprocessing: image sequence text
legacy.saving: json_utils legacy_h5_format saving_options saving_utils serialization
legacy_tf_layers: base convolutional core migration_utils normalization pooling variable_scope_shim
losses: loss losses
metrics: accuracy_metrics base_metric confusion_metrics correlation_metrics experimental f_score_metrics
  hinge_metrics iou_metrics metric metrics_utils probabilistic_metrics py_metric reduction_metrics
  regression_metrics
mixed_precision: autocast_variable device_compatibility_check loss_scale_optimizer policy
models: cloning experimental functional model sequential sharpness_aware_minimization variable_mapping
ops: core einops function image linalg math nn node numpy operation operation_utils symbolic_arguments
optimizers: adadelta adafactor adagrad adam adamax adamw base_optimizer experimental ftrl lamb legacy
  legacy_learning_rate_decay lion loss_scale_optimizer multi_optimizer muon nadam optimizer optimizer_v1 rmsprop
  schedule_free_adamw schedules sgd utils
optimizers.legacy: adadelta adagrad adam adamax ftrl gradient_descent nadam optimizer_v2 rmsprop
optimizers.schedules: learning_rate_schedule
premade_models: linear wide_deep
preprocessing: image sequence text
quantizers: awq awq_config awq_core gptq gptq_config gptq_core quantization_config quantizers utils
random: random seed_generator
regularizers: regularizers
saving: file_editor keras_saveable legacy object_registration orbax_util pickle_utils saving_api saving_lib
  serialization_lib
saving.legacy: hdf5_format model_config save saved_model saving_utils serialization
saving.legacy.saved_model: base_serialization constants json_utils layer_serialization load load_context
  metric_serialization model_serialization network_serialization order_preserving_set save save_impl
  serialized_attributes utils
trainers: compile_utils data_adapters epoch_iterator trainer
trainers.data_adapters: array_data_adapter array_slicing data_adapter data_adapter_utils generator_data_adapter
  grain_dataset_adapter py_dataset_adapter tf_dataset_adapter torch_data_loader_adapter
utils: argument_validation audio_dataset audio_dataset_utils backend_utils bounding_boxes code_stats config
  control_flow_util conv_utils data_utils dataset_creator dataset_utils dtype_utils experimental feature_space
  file_utils generic_utils grain_utils image_dataset image_dataset_utils image_utils io_utils jax_layer jax_utils
  keras_logging kernelized_utils layer_utils legacy losses_utils metrics_utils mode_keys model_visualization
  module_utils naming nest np_utils numerical_utils object_identity progbar python_utils rng_utils sequence_utils
  shape_utils sidecar_evaluator steps_per_execution_tuning summary_utils text_dataset text_dataset_utils
  tf_contextlib tf_inspect tf_utils timed_threads timeseries_dataset timeseries_dataset_utils torch_utils
  traceback_utils tracking tree version_utils vis_utils
wrappers: scikit_learn
"""


@cache
def _known() -> frozenset[str]:
    found: set[str] = set()
    for line in _MODULES.strip().replace("\n  ", " ").split("\n"):
        package, _, names = line.partition(": ")
        prefix = "" if package == "." else f"{package}."
        found.update(prefix + name for name in names.split())
    return frozenset(found)


def is_keras_module(module: str) -> bool:
    """Whether a dotted name is a module of some release of Keras.

    >>> is_keras_module("keras.src.layers.core.dense"), is_keras_module("keras.src.layers.evil")
    (True, False)
    """
    root, _, rest = module.partition(".")
    return root == "keras" and (rest in ("", "src") or rest.removeprefix("src.") in _known())
