"""What each released Keras has: its classes, the arguments their constructors take, and its packages.

Read from the sources of the released packages by parsing them, one patch release of every minor release in `RELEASES`.
What a release exports and cannot find when it reads a configuration counts as missing. Nothing here is guessed; a
release newer than the last one is taken to be like it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from graphlint.knowledge.release_operations import OPERATIONS

RELEASES = (
    "2.12",
    "2.13",
    "2.14",
    "2.15",
    *(f"3.{minor}" for minor in range(16)),
)
"""The releases that the tables cover, oldest first."""

_LAYERS = """
AbstractRNNCell:-2.15
Activation activation
ActivityRegularization l1 l2
AdaptiveAveragePooling1D:3.13- data_format input_dim output_size
AdaptiveAveragePooling2D:3.13- data_format input_dim output_size
AdaptiveAveragePooling3D:3.13- data_format input_dim output_size
AdaptiveMaxPooling1D:3.13- data_format input_dim output_size
AdaptiveMaxPooling2D:3.13- data_format input_dim output_size
AdaptiveMaxPooling3D:3.13- data_format input_dim output_size
Add
AdditiveAttention causal:-2.15 dropout force_generator:-2.15 rng_type:-2.15 score_mode:3.0- seed use_scale
AlphaDropout force_generator:-2.15 noise_shape rate rng_type:-2.15 seed
Attention causal:-2.15 dropout force_generator:-2.15 rng_type:-2.15 score_mode seed use_scale
AugMix:3.9- all_ops alpha bounding_box_format chain_depth data_format factor input_dim interpolation num_chains seed
  value_range
AutoContrast:3.6- bounding_box_format data_format factor input_dim value_range
Average
AveragePooling1D data_format padding pool_dimensions:3.0- pool_function:-2.15 pool_mode:3.0- pool_size strides
AveragePooling2D data_format padding pool_dimensions:3.0- pool_function:-2.15 pool_mode:3.0- pool_size strides
AveragePooling3D data_format padding pool_dimensions:3.0- pool_function:-2.15 pool_mode:3.0- pool_size strides
AvgPool1D data_format padding pool_dimensions:3.0- pool_function:-2.15 pool_mode:3.0- pool_size strides
AvgPool2D data_format padding pool_dimensions:3.0- pool_function:-2.15 pool_mode:3.0- pool_size strides
AvgPool3D data_format padding pool_dimensions:3.0- pool_function:-2.15 pool_mode:3.0- pool_size strides
BatchNormalization adjustment:-2.15 axis beta_constraint beta_initializer beta_regularizer center epsilon
  fused:-2.15 gamma_constraint gamma_initializer gamma_regularizer momentum moving_mean_initializer
  moving_variance_initializer renorm:-2.15,3.14- renorm_clipping:-2.15,3.14- renorm_momentum:-2.15,3.14- scale
  synchronized virtual_batch_size:-2.15
Bidirectional backward_layer layer merge_mode num_constants:-2.15 weights
CategoryEncoding max_tokens:-2.15 num_tokens output_mode sparse:-2.15,3.2-
CenterCrop bounding_box_format:3.6- data_format:3.0- factor:3.6- height width
Concatenate axis
ContrastLimitedAdaptiveHistogramEqualization:3.14- bounding_box_format clip_limit data_format factor input_dim
  tile_grid_size value_range
Conv1D activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format dilation_rate filters
  groups kernel_constraint kernel_initializer kernel_regularizer kernel_size lora_alpha:3.10- lora_rank:3.3- padding
  rank strides use_bias
Conv1DTranspose activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format dilation_rate
  filters groups:-2.15 kernel_constraint kernel_initializer kernel_regularizer kernel_size output_padding padding
  rank strides use_bias
Conv2D activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format dilation_rate filters
  groups kernel_constraint kernel_initializer kernel_regularizer kernel_size lora_alpha:3.10- lora_rank:3.3- padding
  rank strides use_bias
Conv2DTranspose activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format dilation_rate
  filters groups:-2.15 kernel_constraint kernel_initializer kernel_regularizer kernel_size output_padding padding
  rank strides use_bias
Conv3D activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format dilation_rate filters
  groups kernel_constraint kernel_initializer kernel_regularizer kernel_size lora_alpha:3.10- lora_rank:3.3- padding
  rank strides use_bias
Conv3DTranspose activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format dilation_rate
  filters groups:-2.15 kernel_constraint kernel_initializer kernel_regularizer kernel_size output_padding padding
  rank strides use_bias
ConvLSTM1D activation bias_constraint bias_initializer bias_regularizer cell data_format dilation_rate dropout
  filters go_backwards input_dim input_length:-2.15 kernel_constraint kernel_initializer kernel_regularizer
  kernel_size num_constants:-2.15 padding rank recurrent_activation recurrent_constraint recurrent_dropout
  recurrent_initializer recurrent_regularizer return_sequences return_state seed:3.0- stateful strides
  time_major:-2.15 unit_forget_bias unroll use_bias zero_output_for_mask
ConvLSTM2D activation bias_constraint bias_initializer bias_regularizer cell data_format dilation_rate dropout
  filters go_backwards input_dim input_length:-2.15 kernel_constraint kernel_initializer kernel_regularizer
  kernel_size num_constants:-2.15 padding rank recurrent_activation recurrent_constraint recurrent_dropout
  recurrent_initializer recurrent_regularizer return_sequences return_state seed:3.0- stateful strides
  time_major:-2.15 unit_forget_bias unroll use_bias zero_output_for_mask
ConvLSTM3D activation bias_constraint bias_initializer bias_regularizer cell data_format dilation_rate dropout
  filters go_backwards input_dim input_length:-2.15 kernel_constraint kernel_initializer kernel_regularizer
  kernel_size num_constants:-2.15 padding rank recurrent_activation recurrent_constraint recurrent_dropout
  recurrent_initializer recurrent_regularizer return_sequences return_state seed:3.0- stateful strides
  time_major:-2.15 unit_forget_bias unroll use_bias zero_output_for_mask
Convolution1D activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format dilation_rate
  filters groups kernel_constraint kernel_initializer kernel_regularizer kernel_size lora_alpha:3.10- lora_rank:3.3-
  padding rank strides use_bias
Convolution1DTranspose activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format
  dilation_rate filters groups:-2.15 kernel_constraint kernel_initializer kernel_regularizer kernel_size
  output_padding padding rank strides use_bias
Convolution2D activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format dilation_rate
  filters groups kernel_constraint kernel_initializer kernel_regularizer kernel_size lora_alpha:3.10- lora_rank:3.3-
  padding rank strides use_bias
Convolution2DTranspose activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format
  dilation_rate filters groups:-2.15 kernel_constraint kernel_initializer kernel_regularizer kernel_size
  output_padding padding rank strides use_bias
Convolution3D activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format dilation_rate
  filters groups kernel_constraint kernel_initializer kernel_regularizer kernel_size lora_alpha:3.10- lora_rank:3.3-
  padding rank strides use_bias
Convolution3DTranspose activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format
  dilation_rate filters groups:-2.15 kernel_constraint kernel_initializer kernel_regularizer kernel_size
  output_padding padding rank strides use_bias
Cropping1D cropping
Cropping2D cropping data_format
Cropping3D cropping data_format
CutMix:3.9- bounding_box_format data_format factor input_dim seed
Dense activation bias_constraint bias_initializer bias_regularizer kernel_constraint kernel_initializer
  kernel_regularizer lora_alpha:3.10- lora_rank:3.0- quantization_config:3.13- units use_bias
DenseFeatures:-2.15 expected_column_type feature_columns partitioner
DepthwiseConv1D activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format
  depth_multiplier depthwise_constraint depthwise_initializer depthwise_regularizer dilation_rate filters:-2.15
  groups:-2.15 kernel_constraint:-2.15 kernel_initializer:-2.15 kernel_regularizer:-2.15 kernel_size padding rank
  strides use_bias
DepthwiseConv2D activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format
  depth_multiplier depthwise_constraint depthwise_initializer depthwise_regularizer dilation_rate filters:-2.15
  groups:-2.15 kernel_constraint:-2.15 kernel_initializer:-2.15 kernel_regularizer:-2.15 kernel_size padding rank
  strides use_bias
Discretization bin_boundaries bins:-2.15 epsilon num_bins output_mode sparse
Dot axes normalize
Dropout force_generator:-2.15 noise_shape rate rng_type:-2.15 seed
ELU alpha
EinsumDense activation bias_axes bias_constraint bias_initializer bias_regularizer equation
  gptq_unpacked_column_size:3.12- kernel_constraint kernel_initializer kernel_regularizer lora_alpha:3.10-
  lora_rank:3.0- output_shape quantization_config:3.13-
Embedding embeddings_constraint embeddings_initializer embeddings_regularizer input_dim input_length:-2.15,3.2-
  lora_alpha:3.10- lora_rank:3.0- mask_zero output_dim quantization_config:3.13- sparse:-2.15
  use_one_hot_matmul:-2.15 weights:3.3-
Equalization:3.8- bins bounding_box_format data_format factor input_dim value_range
Flatten data_format
FlaxLayer:3.2- call_fn init_fn input_dim method module native_serialization_platforms:3.14- params seed state
  variables
GRU activation bias_constraint bias_initializer bias_regularizer cell dropout enable_caching_device:-2.15
  force_generator:-2.15 go_backwards implementation:-2.15,3.4- input_dim input_length:-2.15 kernel_constraint
  kernel_initializer kernel_regularizer num_constants:-2.15 recurrent_activation recurrent_constraint
  recurrent_dropout recurrent_initializer recurrent_regularizer reset_after return_runtime:-2.15 return_sequences
  return_state rng_type:-2.15 seed stateful time_major:-2.15 units unroll use_bias use_cudnn:3.2-
  zero_output_for_mask
GRUCell activation bias_constraint bias_initializer bias_regularizer dropout enable_caching_device:-2.15
  force_generator:-2.15 implementation kernel_constraint kernel_initializer kernel_regularizer recurrent_activation
  recurrent_constraint recurrent_dropout recurrent_initializer recurrent_regularizer reset_after rng_type:-2.15 seed
  units use_bias
GaussianDropout force_generator:-2.15 rate rng_type:-2.15 seed
GaussianNoise force_generator:-2.15 rng_type:-2.15 seed stddev
GlobalAveragePooling1D data_format keepdims pool_dimensions:3.0-
GlobalAveragePooling2D data_format keepdims pool_dimensions:3.0-
GlobalAveragePooling3D data_format keepdims pool_dimensions:3.0-
GlobalAvgPool1D data_format keepdims pool_dimensions:3.0-
GlobalAvgPool2D data_format keepdims pool_dimensions:3.0-
GlobalAvgPool3D data_format keepdims pool_dimensions:3.0-
GlobalMaxPool1D data_format keepdims pool_dimensions:3.0-
GlobalMaxPool2D data_format keepdims pool_dimensions:3.0-
GlobalMaxPool3D data_format keepdims pool_dimensions:3.0-
GlobalMaxPooling1D data_format keepdims pool_dimensions:3.0-
GlobalMaxPooling2D data_format keepdims pool_dimensions:3.0-
GlobalMaxPooling3D data_format keepdims pool_dimensions:3.0-
GroupNormalization axis beta_constraint beta_initializer beta_regularizer center epsilon gamma_constraint
  gamma_initializer gamma_regularizer groups scale
GroupQueryAttention:3.0- bias_constraint bias_initializer bias_regularizer dropout flash_attention:3.7- head_dim
  input_dim kernel_constraint kernel_initializer kernel_regularizer num_key_value_heads num_query_heads seed:3.7-
  sliding_window:3.15- use_bias use_gate:3.14-
HashedCrossing num_bins output_mode sparse
Hashing mask_value num_bins output_mode salt sparse
Identity
InputLayer *:3.0- batch_input_shape batch_shape:3.0- batch_size input_tensor optional:3.4- ragged:-2.15,3.9- shape:3.0-
  sparse type_spec:-2.15
InputSpec allow_last_axis_squeeze axes max_ndim min_ndim ndim optional:3.4- shape
IntegerLookup has_input_vocabulary has_static_table:-2.15 idf_weights invert mask_token mask_value:-2.15 max_tokens
  max_values:-2.15 num_oov_indices oov_method:3.14- oov_token oov_value:-2.15 output_mode pad_to_max_tokens
  salt:3.14- sparse vocabulary vocabulary_dtype vocabulary_size
JaxLayer:3.2- call_fn init_fn input_dim native_serialization_platforms:3.14- params seed state
LSTM activation bias_constraint bias_initializer bias_regularizer cell dropout enable_caching_device:-2.15
  force_generator:-2.15 go_backwards implementation input_dim input_length:-2.15 kernel_constraint
  kernel_initializer kernel_regularizer num_constants:-2.15 recurrent_activation recurrent_constraint
  recurrent_dropout recurrent_initializer recurrent_regularizer return_runtime:-2.15 return_sequences return_state
  rng_type:-2.15 seed stateful time_major:-2.15 unit_forget_bias units unroll use_bias use_cudnn:3.2-
  zero_output_for_mask
LSTMCell activation bias_constraint bias_initializer bias_regularizer dropout enable_caching_device:-2.15
  force_generator:-2.15 implementation kernel_constraint kernel_initializer kernel_regularizer recurrent_activation
  recurrent_constraint recurrent_dropout recurrent_initializer recurrent_regularizer rng_type:-2.15 seed
  unit_forget_bias units use_bias
Lambda arguments function mask output_shape
Layer
LayerNormalization axis beta_constraint beta_initializer beta_regularizer center epsilon gamma_constraint
  gamma_initializer gamma_regularizer rms_scaling:3.0- scale
LeakyReLU alpha negative_slope:3.0-
LocallyConnected1D:-2.15 activation bias_constraint bias_initializer bias_regularizer data_format filters
  implementation kernel_constraint kernel_initializer kernel_regularizer kernel_size padding strides use_bias
LocallyConnected2D:-2.15 activation bias_constraint bias_initializer bias_regularizer data_format filters
  implementation kernel_constraint kernel_initializer kernel_regularizer kernel_size padding strides use_bias
Masking mask_value
MaxNumBoundingBoxes:3.7- bounding_box_format data_format factor fill_value input_dim max_number
MaxPool1D data_format padding pool_dimensions:3.0- pool_function:-2.15 pool_mode:3.0- pool_size strides
MaxPool2D data_format padding pool_dimensions:3.0- pool_function:-2.15 pool_mode:3.0- pool_size strides
MaxPool3D data_format padding pool_dimensions:3.0- pool_function:-2.15 pool_mode:3.0- pool_size strides
MaxPooling1D data_format padding pool_dimensions:3.0- pool_function:-2.15 pool_mode:3.0- pool_size strides
MaxPooling2D data_format padding pool_dimensions:3.0- pool_function:-2.15 pool_mode:3.0- pool_size strides
MaxPooling3D data_format padding pool_dimensions:3.0- pool_function:-2.15 pool_mode:3.0- pool_size strides
Maximum
MelSpectrogram:3.1- fft_length input_dim mag_exp max_freq min_freq min_power num_mel_bins power_to_db ref_power
  sampling_rate sequence_length sequence_stride top_db window
Minimum
MixUp:3.8- alpha bounding_box_format data_format factor input_dim seed
MultiHeadAttention attention_axes bias_constraint bias_initializer bias_regularizer dropout flash_attention:3.7-
  kernel_constraint kernel_initializer kernel_regularizer key_dim key_shape:-2.15 num_heads output_shape
  query_shape:-2.15 seed:3.4- sliding_window:3.15- use_bias use_gate:3.14- value_dim value_shape:-2.15
Multiply
Normalization axis invert mean variance
PReLU alpha_constraint alpha_initializer alpha_regularizer shared_axes
Permute dims
Pipeline:3.6- layers
RMSNormalization:3.9- axis epsilon input_dim
RNN cell go_backwards input_dim input_length:-2.15 num_constants:-2.15 return_sequences return_state stateful
  time_major:-2.15 unroll zero_output_for_mask
RandAugment:3.8- bounding_box_format data_format factor input_dim interpolation num_ops seed value_range
RandomBrightness bounding_box_format:3.6- data_format:3.6- factor force_generator:-2.15 rng_type:-2.15 seed
  value_range
RandomColorDegeneration:3.8- bounding_box_format data_format factor input_dim seed value_range
RandomColorJitter:3.8- bounding_box_format brightness_factor contrast_factor data_format factor hue_factor input_dim
  saturation_factor seed value_range
RandomContrast bounding_box_format:3.6- data_format:3.6- factor force_generator:-2.15 rng_type:-2.15 seed
  value_range:3.8-
RandomCrop bounding_box_format:3.6- data_format:3.0- factor:3.6- force_generator:-2.15 height rng_type:-2.15 seed
  width
RandomElasticTransform:3.10- bounding_box_format data_format factor fill_mode fill_value input_dim interpolation
  scale seed value_range
RandomErasing:3.9- bounding_box_format data_format factor fill_value input_dim scale seed value_range
RandomFlip bounding_box_format:3.6- data_format:3.6- factor:3.6- force_generator:-2.15 mode rng_type:-2.15 seed
RandomGaussianBlur:3.9- bounding_box_format data_format factor input_dim kernel_size seed sigma value_range
RandomGrayscale:3.8- bounding_box_format data_format factor input_dim seed
RandomHeight:-2.15 factor force_generator interpolation rng_type seed
RandomHue:3.8- bounding_box_format data_format factor input_dim seed value_range
RandomInvert:3.9- bounding_box_format data_format factor input_dim seed value_range
RandomPerspective:3.9- bounding_box_format data_format factor fill_value input_dim interpolation scale seed
RandomPosterization:3.8- bounding_box_format data_format factor input_dim seed value_range
RandomRotation bounding_box_format:3.6- data_format:3.0- factor fill_mode fill_value force_generator:-2.15
  interpolation rng_type:-2.15 seed value_range:3.0-3.5
RandomSaturation:3.8- bounding_box_format data_format factor input_dim seed value_range
RandomSharpness:3.8- bounding_box_format data_format factor input_dim seed value_range
RandomShear:3.8- bounding_box_format data_format factor fill_mode fill_value input_dim interpolation seed x_factor
  y_factor
RandomTranslation bounding_box_format:3.6- data_format:3.0- factor:3.6- fill_mode fill_value force_generator:-2.15
  height_factor interpolation rng_type:-2.15 seed width_factor
RandomWidth:-2.15 factor force_generator interpolation rng_type seed
RandomZoom bounding_box_format:3.6- data_format:3.0- factor:3.6- fill_mode fill_value force_generator:-2.15
  height_factor interpolation rng_type:-2.15 seed width_factor
ReLU max_value negative_slope threshold
RepeatVector n
Rescaling offset scale
Reshape target_shape
Resizing antialias:3.9- bounding_box_format:3.6- crop_to_aspect_ratio data_format:3.0- factor:3.6- fill_mode:3.3-
  fill_value:3.3- height interpolation pad_to_aspect_ratio:3.3- width
ReversibleEmbedding:3.12- embeddings_constraint embeddings_initializer embeddings_regularizer input_dim input_length
  logit_soft_cap lora_alpha lora_rank mask_zero output_dim quantization_config:3.13- reverse_dtype tie_weights
  weights
STFTSpectrogram:3.7- data_format expand_dims fft_length frame_length frame_step input_dim mode padding periodic
  scaling window
SeparableConv1D activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format
  depth_multiplier depthwise_constraint depthwise_initializer depthwise_regularizer dilation_rate filters
  groups:-2.15 kernel_constraint:-2.15 kernel_initializer:-2.15 kernel_regularizer:-2.15 kernel_size padding
  pointwise_constraint pointwise_initializer pointwise_regularizer rank strides use_bias
SeparableConv2D activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format
  depth_multiplier depthwise_constraint depthwise_initializer depthwise_regularizer dilation_rate filters
  groups:-2.15 kernel_constraint:-2.15 kernel_initializer:-2.15 kernel_regularizer:-2.15 kernel_size padding
  pointwise_constraint pointwise_initializer pointwise_regularizer rank strides use_bias
SeparableConvolution1D activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format
  depth_multiplier depthwise_constraint depthwise_initializer depthwise_regularizer dilation_rate filters
  groups:-2.15 kernel_constraint:-2.15 kernel_initializer:-2.15 kernel_regularizer:-2.15 kernel_size padding
  pointwise_constraint pointwise_initializer pointwise_regularizer rank strides use_bias
SeparableConvolution2D activation bias_constraint bias_initializer bias_regularizer conv_op:-2.15 data_format
  depth_multiplier depthwise_constraint depthwise_initializer depthwise_regularizer dilation_rate filters
  groups:-2.15 kernel_constraint:-2.15 kernel_initializer:-2.15 kernel_regularizer:-2.15 kernel_size padding
  pointwise_constraint pointwise_initializer pointwise_regularizer rank strides use_bias
SimpleRNN activation bias_constraint bias_initializer bias_regularizer cell dropout enable_caching_device:-2.15
  go_backwards implementation:-2.15 input_dim input_length:-2.15 kernel_constraint kernel_initializer
  kernel_regularizer num_constants:-2.15 recurrent_constraint recurrent_dropout recurrent_initializer
  recurrent_regularizer return_sequences return_state seed:3.0- stateful time_major:-2.15 units unroll use_bias
  zero_output_for_mask
SimpleRNNCell activation bias_constraint bias_initializer bias_regularizer dropout enable_caching_device:-2.15
  force_generator:-2.15 kernel_constraint kernel_initializer kernel_regularizer recurrent_constraint
  recurrent_dropout recurrent_initializer recurrent_regularizer rng_type:-2.15 seed units use_bias
Softmax axis
Solarization:3.6- addition_factor bounding_box_format data_format factor input_dim seed threshold_factor value_range
SpatialDropout1D force_generator:-2.15 noise_shape:-2.15 rate rng_type:-2.15 seed
SpatialDropout2D data_format force_generator:-2.15 noise_shape:-2.15 rate rng_type:-2.15 seed
SpatialDropout3D data_format force_generator:-2.15 noise_shape:-2.15 rate rng_type:-2.15 seed
SpectralNormalization:2.13- input_dim:3.0-3.11,3.13-3.14 layer power_iterations
StackedRNNCells cells reverse_state_order:-2.15
StringLookup encoding has_input_vocabulary has_static_table:-2.15 idf_weights invert mask_token max_tokens
  num_oov_indices oov_method:3.14- oov_token output_mode pad_to_max_tokens salt:3.14- sparse vocabulary
  vocabulary_dtype vocabulary_size
Subtract
TFSMLayer:3.0- call_endpoint call_training_endpoint filepath
TextVectorization encoding has_input_vocabulary idf_weights max_tokens ngrams output_mode output_sequence_length
  pad_to_max_tokens ragged sparse split standardize vocabulary vocabulary_size
ThresholdedReLU:-2.15 theta
TimeDistributed input_dim:3.0-3.11,3.13-3.14 layer
TorchModuleWrapper:3.0- input_dim module output_shape:3.10-
UnitNormalization axis
UpSampling1D size
UpSampling2D data_format interpolation size
UpSampling3D data_format size
Wrapper layer
ZeroPadding1D data_format:3.5- padding
ZeroPadding2D data_format padding
ZeroPadding3D data_format padding
"""
_INITIALIZERS = """
Constant value
GlorotNormal input_axes:3.15- output_axes:3.15- seed
GlorotUniform input_axes:3.15- output_axes:3.15- seed
HeNormal input_axes:3.15- output_axes:3.15- seed
HeUniform input_axes:3.15- output_axes:3.15- seed
Identity:-2.15,3.2- gain
IdentityInitializer:3.7- gain
Initializer
LecunNormal input_axes:3.15- output_axes:3.15- seed
LecunUniform input_axes:3.15- output_axes:3.15- seed
Ones
Orthogonal:-2.15,3.4- gain seed
OrthogonalInitializer:3.0- gain seed
RandomNormal mean seed stddev
RandomUniform maxval minval seed
STFT:3.7- periodic scaling side window
STFTInitializer:3.7- periodic scaling side window
TruncatedNormal mean seed stddev
VarianceScaling distribution input_axes:3.15- mode output_axes:3.15- scale seed
Zeros
constant value
glorot_normal input_axes:3.15- output_axes:3.15- seed
glorot_uniform input_axes:3.15- output_axes:3.15- seed
he_normal input_axes:3.15- output_axes:3.15- seed
he_uniform input_axes:3.15- output_axes:3.15- seed
identity gain
lecun_normal input_axes:3.15- output_axes:3.15- seed
lecun_uniform input_axes:3.15- output_axes:3.15- seed
ones
orthogonal gain seed
random_normal mean seed stddev
random_uniform maxval minval seed
stft:3.7- periodic scaling side window
truncated_normal mean seed stddev
variance_scaling distribution input_axes:3.15- mode output_axes:3.15- scale seed
zeros
"""
_REGULARIZERS = """
L1 l:-2.15 l1
L1L2 l1 l2
L2 l:-2.15 l2
OrthogonalRegularizer factor mode
Regularizer
l1 l:-2.15 l1
l1_l2:3.0- l1 l2
l2 l:-2.15 l2
orthogonal_regularizer factor mode
"""
_CONSTRAINTS = """
Constraint
MaxNorm axis max_value
MinMaxNorm axis max_value min_value rate
NonNeg
RadialConstraint:-2.15
UnitNorm axis
max_norm axis max_value
min_max_norm axis max_value min_value rate
non_neg
radial_constraint:-2.15
unit_norm axis
"""
_LOSSES = """
BinaryCrossentropy axis from_logits label_smoothing reduction
BinaryFocalCrossentropy alpha apply_class_balancing axis from_logits gamma label_smoothing reduction
CTC:3.0- reduction
CategoricalCrossentropy axis from_logits label_smoothing reduction
CategoricalFocalCrossentropy:2.13- alpha axis from_logits gamma label_smoothing reduction
CategoricalGeneralizedCrossEntropy:3.10- q reduction
CategoricalHinge reduction
Circle:3.7- gamma margin reduction remove_diagonal
CosineSimilarity axis reduction
Dice:3.2- axis:3.4- reduction
Hinge reduction
Huber delta reduction
KLDivergence reduction
LogCosh reduction
Loss reduction
MeanAbsoluteError reduction
MeanAbsolutePercentageError reduction
MeanSquaredError reduction
MeanSquaredLogarithmicError reduction
Poisson reduction
Reduction:-2.15
SparseCategoricalCrossentropy axis:3.10- from_logits ignore_class reduction
SquaredHinge reduction
Tversky:3.3- alpha axis:3.8- beta reduction
"""
_METRICS = """
AUC curve from_logits label_weights multi_label num_labels num_thresholds summation_method thresholds
Accuracy
BinaryAccuracy threshold
BinaryCrossentropy from_logits label_smoothing
BinaryIoU target_class_ids threshold
CategoricalAccuracy
CategoricalCrossentropy axis from_logits label_smoothing
CategoricalHinge
ConcordanceCorrelation:3.7- axis
CosineSimilarity axis
F1Score:2.13- average threshold
FBetaScore:2.13- average beta threshold
FalseNegatives thresholds
FalsePositives thresholds
Hinge
IoU axis ignore_class num_classes sparse_y_pred sparse_y_true target_class_ids
KLDivergence
LogCoshError
Mean
MeanAbsoluteError
MeanAbsolutePercentageError
MeanIoU axis ignore_class num_classes sparse_y_pred sparse_y_true
MeanMetricWrapper fn
MeanRelativeError:-2.15 normalizer
MeanSquaredError
MeanSquaredLogarithmicError
MeanTensor:-2.15 shape
Metric
OneHotIoU axis ignore_class num_classes sparse_y_pred target_class_ids
OneHotMeanIoU axis ignore_class num_classes sparse_y_pred
PearsonCorrelation:3.7- axis
Poisson
Precision class_id thresholds top_k
PrecisionAtRecall class_id num_thresholds recall
R2Score:2.13- class_aggregation num_regressors
Recall class_id thresholds top_k
RecallAtPrecision class_id num_thresholds precision
RootMeanSquaredError
SensitivityAtSpecificity class_id num_thresholds specificity
SparseCategoricalAccuracy
SparseCategoricalCrossentropy axis from_logits ignore_class:-2.15,3.14-
SparseTopKCategoricalAccuracy from_sorted_ids:3.7- k
SpecificityAtSensitivity class_id num_thresholds sensitivity
SquaredHinge
Sum
TopKCategoricalAccuracy k
TrueNegatives thresholds
TruePositives thresholds
"""
_OPTIMIZERS = """
Adadelta clipnorm clipvalue decay:3.0- ema_momentum ema_overwrite_frequency epsilon global_clipnorm
  gradient_accumulation_steps:3.0- jit_compile:-2.15 learning_rate loss_scale_factor:3.0- mesh:2.13-2.15 rho use_ema
  weight_decay
Adafactor beta_2_decay clip_threshold clipnorm clipvalue decay:3.0- ema_momentum ema_overwrite_frequency epsilon_1
  epsilon_2 global_clipnorm gradient_accumulation_steps:3.0- jit_compile:-2.15 learning_rate loss_scale_factor:3.0-
  mesh:2.13-2.15 relative_step use_ema weight_decay
Adagrad clipnorm clipvalue decay:3.0- ema_momentum ema_overwrite_frequency epsilon global_clipnorm
  gradient_accumulation_steps:3.0- initial_accumulator_value jit_compile:-2.15 learning_rate loss_scale_factor:3.0-
  mesh:2.13-2.15 use_ema weight_decay
Adam amsgrad beta_1 beta_2 clipnorm clipvalue decay:3.0- ema_momentum ema_overwrite_frequency epsilon global_clipnorm
  gradient_accumulation_steps:3.0- jit_compile:-2.15 learning_rate loss_scale_factor:3.0- mesh:2.13-2.15 use_ema
  weight_decay
AdamW amsgrad beta_1 beta_2 clipnorm clipvalue decay:3.0- ema_momentum ema_overwrite_frequency epsilon global_clipnorm
  gradient_accumulation_steps:3.0- jit_compile:-2.15 learning_rate loss_scale_factor:3.0- mesh:2.13-2.15 use_ema
  weight_decay
Adamax beta_1 beta_2 clipnorm clipvalue decay:3.0- ema_momentum ema_overwrite_frequency epsilon global_clipnorm
  gradient_accumulation_steps:3.0- jit_compile:-2.15 learning_rate loss_scale_factor:3.0- mesh:2.13-2.15 use_ema
  weight_decay
Ftrl beta clipnorm clipvalue decay:3.0- ema_momentum ema_overwrite_frequency global_clipnorm
  gradient_accumulation_steps:3.0- initial_accumulator_value jit_compile:-2.15 l1_regularization_strength
  l2_regularization_strength l2_shrinkage_regularization_strength learning_rate learning_rate_power
  loss_scale_factor:3.0- mesh:2.13-2.15 use_ema weight_decay
Lamb:3.5- beta_1 beta_2 clipnorm clipvalue decay ema_momentum ema_overwrite_frequency epsilon global_clipnorm
  gradient_accumulation_steps learning_rate loss_scale_factor use_ema weight_decay
Lion:2.13- beta_1 beta_2 clipnorm clipvalue decay:3.0- ema_momentum ema_overwrite_frequency global_clipnorm
  gradient_accumulation_steps:3.0- jit_compile:-2.15 learning_rate loss_scale_factor:3.0- mesh:-2.15 use_ema
  weight_decay
LossScaleOptimizer:3.0- clipnorm clipvalue decay dynamic_growth_steps ema_momentum ema_overwrite_frequency
  global_clipnorm gradient_accumulation_steps initial_scale inner_optimizer learning_rate loss_scale_factor use_ema
  weight_decay
MultiOptimizer:3.15- loss_scale_factor optimizer_map
Muon:3.10- adam_beta_1 adam_beta_2 adam_lr_ratio adam_weight_decay:3.13- clipnorm clipvalue decay ema_momentum
  ema_overwrite_frequency epsilon exclude_embeddings exclude_layers global_clipnorm gradient_accumulation_steps
  learning_rate loss_scale_factor momentum muon_a muon_b muon_c nesterov ns_steps rms_rate:3.13- use_ema weight_decay
Nadam beta_1 beta_2 clipnorm clipvalue decay:3.0- ema_momentum ema_overwrite_frequency epsilon global_clipnorm
  gradient_accumulation_steps:3.0- jit_compile:-2.15 learning_rate loss_scale_factor:3.0- mesh:2.13-2.15 use_ema
  weight_decay
Optimizer clipnorm clipvalue decay:3.0- ema_momentum ema_overwrite_frequency global_clipnorm
  gradient_accumulation_steps:3.0- jit_compile:-2.15 learning_rate:3.0- loss_scale_factor:3.0- mesh:2.13-2.15 use_ema
  weight_decay
OptimizerMap:3.15- default_optimizer optimizer_map
RMSprop centered clipnorm clipvalue decay:3.0- ema_momentum ema_overwrite_frequency epsilon global_clipnorm
  gradient_accumulation_steps:3.0- jit_compile:-2.15 learning_rate loss_scale_factor:3.0- mesh:2.13-2.15 momentum rho
  use_ema weight_decay
SGD clipnorm clipvalue decay:3.0- ema_momentum ema_overwrite_frequency global_clipnorm
  gradient_accumulation_steps:3.0- jit_compile:-2.15 learning_rate loss_scale_factor:3.0- mesh:2.13-2.15 momentum
  nesterov use_ema weight_decay
ScheduleFreeAdamW:3.14- beta_1 beta_2 clipnorm clipvalue decay ema_momentum ema_overwrite_frequency epsilon
  global_clipnorm gradient_accumulation_steps learning_rate loss_scale_factor use_ema warmup_steps weight_decay
"""
_ACTIVATIONS = """
celu:3.7-
elu
exponential
gelu
glu:3.7-
hard_shrink:3.7-
hard_sigmoid
hard_silu:3.0-
hard_swish:3.0-
hard_tanh:3.7-
leaky_relu
linear
log_sigmoid:3.7-
log_softmax
mish:2.13-
relu
relu6
selu
sigmoid
silu
soft_shrink:3.7-
softmax
softplus
softsign
sparse_plus:3.8-
sparse_sigmoid:3.10-
sparsemax:3.8-
squareplus:3.7-
swish
tanh
tanh_shrink:3.7-
threshold:3.8-
"""
_DTYPE_POLICIES = """
AWQDTypePolicy:3.14-
DTypePolicy:3.0-
DTypePolicyMap:3.4-
FloatDTypePolicy:3.1-
GPTQDTypePolicy:3.12-
Int4DTypePolicy:3.14-
QuantizedDTypePolicy:3.4-
QuantizedFloat8DTypePolicy:3.4-
"""
_QUANTIZATIONS = """
awq:3.14-
float8:3.3-
gptq:3.12-
int4:3.11-
int8:3.1-
"""
_REDUCTIONS = """
auto:-2.15
mean:3.7-
mean_with_sample_weight:3.7-
none
sum
sum_over_batch_size
"""

_TABLES = {
    "layers": _LAYERS,
    "initializers": _INITIALIZERS,
    "regularizers": _REGULARIZERS,
    "constraints": _CONSTRAINTS,
    "losses": _LOSSES,
    "metrics": _METRICS,
    "optimizers": _OPTIMIZERS,
    "operations": OPERATIONS,
    "activations": _ACTIVATIONS,
    "dtype_policies": _DTYPE_POLICIES,
    "quantizations": _QUANTIZATIONS,
    "reductions": _REDUCTIONS,
}
_CLASS_KINDS = ("layers", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers")
_MODELS = frozenset({"Functional", "Sequential", "Model"})
_OLD_LAYERS = frozenset(
    """
    AtrousConvolution1D AtrousConvolution2D ConvLSTM2DCell ConvRecurrent2D CuDNNGRU CuDNNLSTM Deconvolution2D
    Deconvolution3D Graph Highway MaxoutDense Merge Recurrent SlicingOpLambda TFOpLambda TensorFlowOpLayer
    TimeDistributedDense ClassMethod InstanceMethod InstanceProperty AnchorLayer BatchNormalizationV1
    BatchNormalizationV2 LSTMV2 GRUV2 SyncBatchNormalization CuDNNLSTMCell AddLoss AddMetric
    """.split()
)
"""Layers of Keras 1 and 2 that no release in `RELEASES` exports, but that files name without a module."""

FUNCTIONS = frozenset(
    """
    KLD MAE MAPE MSE MSLE acc accuracy auc bce binary_accuracy binary_crossentropy binary_focal_crossentropy
    categorical_accuracy categorical_crossentropy categorical_focal_crossentropy
    categorical_generalized_cross_entropy categorical_hinge ce celu circle concordance_correlation constant
    cosine cosine_proximity cosine_similarity crossentropy ctc dice elu exponential f1_score gelu glorot_normal
    glorot_uniform glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh he_normal he_uniform hinge huber
    huber_loss identity kl_divergence kld kullback_leibler_divergence l1 l1_l2 l2 leaky_relu lecun_normal
    lecun_uniform linear log_cosh log_sigmoid log_softmax logcosh mae mape max_norm mean_absolute_error
    mean_absolute_percentage_error mean_metric_wrapper mean_squared_error mean_squared_logarithmic_error
    min_max_norm mish mse msle non_neg normal one ones orthogonal pearson_correlation poisson precision
    random_normal random_uniform recall relu relu6 root_mean_squared_error selu sigmoid silu soft_shrink softmax
    softplus softsign sparse_categorical_accuracy sparse_categorical_crossentropy sparse_plus
    sparse_sigmoid sparse_top_k_categorical_accuracy sparsemax squared_hinge squareplus swish tanh tanh_shrink
    threshold top_k_categorical_accuracy truncated_normal tversky uniform unit_norm variance_scaling zero zeros
    """.split()
)
"""Names by which Keras knows its own activations, losses, metrics, initializers, regularizers and constraints."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Releases from ``first`` to ``last``, as indices into `RELEASES`."""

    first: int
    last: int

    def __contains__(self, release: object) -> bool:
        return isinstance(release, int) and self.first <= release <= self.last


@dataclass(frozen=True, slots=True)
class _Class:
    spans: tuple[_Span, ...]
    arguments: dict[str, tuple[_Span, ...]]


def _spans(text: str) -> tuple[_Span, ...]:
    """``3.2-`` (since), ``-2.15`` (until), ``-2.15,3.14-`` (with a gap); nothing means always.

    >>> [(span.first, span.last) for span in _spans("-2.15,3.14-")]
    [(0, 3), (18, 19)]
    """
    found = []
    for part in text.split(",") if text else ["-"]:
        first, _, last = part.partition("-")
        found.append(_Span(RELEASES.index(first) if first else 0, RELEASES.index(last) if last else len(RELEASES) - 1))
    return tuple(found)


@cache
def _table(kind: str) -> dict[str, _Class]:
    joined = _TABLES[kind].strip().replace("\n  ", " ")
    table = {}
    for line in joined.split("\n"):
        head, *arguments = line.split()
        name, _, span = head.partition(":")
        pairs = (argument.partition(":") for argument in arguments)
        table[name] = _Class(_spans(span), {argument: _spans(when) for argument, _, when in pairs})
    return table


def release_index(version: str) -> int | None:
    """The index in `RELEASES` of a version; the last for a newer one, None for one that the tables do not reach.

    >>> RELEASES[release_index("3.9.2")], release_index("2.3.1"), RELEASES[release_index("4.0")]
    ('3.9', None, '3.15')
    """
    numbers = [int(part) if part.isdecimal() else 0 for part in version.split(".")[:2]]
    major, minor = [*numbers, 0, 0][:2]
    found = None
    for index, release in enumerate(RELEASES):
        known_major, known_minor = map(int, release.split("."))
        if (known_major, known_minor) <= (major, minor):
            found = index
    return found


def is_known_class(name: str, kinds: tuple[str, ...] = _CLASS_KINDS) -> bool:
    """Whether any release has a class of this name, for files that name no module.

    >>> is_known_class("Dense"), is_known_class("MyAttention")
    (True, False)
    """
    if "layers" in kinds and (name in _MODELS or name in _OLD_LAYERS):
        return True
    return any(name in _table(kind) for kind in kinds)


def class_names(kinds: tuple[str, ...]) -> list[str]:
    """The names of all classes of some kinds, in any release."""
    return [name for kind in kinds for name in _table(kind)]


@lru_cache(4096)
def has_class(name: str, release: int, kind: str = "layers") -> bool | None:
    """Whether a release has a class; None for a class that no release has."""
    known = _table(kind).get(name)
    return None if known is None else any(release in span for span in known.spans)


def releases_with(name: str, kind: str = "layers", argument: str | None = None) -> str:
    """In words, which releases have a class, or take an argument of it.

    >>> releases_with("LocallyConnected1D"), releases_with("Conv2D", argument="lora_rank")
    ('up to 2.15', 'since 3.3')
    """
    known = _table(kind).get(name)
    spans = () if known is None else known.spans if argument is None else known.arguments.get(argument, ())
    words = []
    for span in spans:
        first, last = RELEASES[span.first], RELEASES[span.last]
        newest = span.last == len(RELEASES) - 1
        if span.first == 0:
            words.append("all releases" if newest else f"up to {last}")
        else:
            words.append(f"since {first}" if newest else f"{first} to {last}")
    return " and ".join(words) or "no release"


@lru_cache(4096)
def takes_argument(name: str, argument: str, release: int, kind: str = "layers") -> bool | None:
    """Whether the constructor of a class takes an argument; None if the release has no such class."""
    known = _table(kind).get(name)
    if known is None or not has_class(name, release, kind):
        return None
    spans = (*known.arguments.get(argument, ()), *known.arguments.get("*", ()))
    return any(release in span for span in spans)


def operation_key(module: str, name: str) -> str:
    """The name of an operation in the tables.

    >>> operation_key("keras.src.ops.numpy", "Mean")
    'numpy.Mean'
    """
    return f"{module.removeprefix('keras.src.ops.')}.{name}"


def next_release(name: str, release: int, kind: str = "layers", argument: str | None = None) -> str | None:
    """The first release after one that has a class, or takes an argument of it; None if no later one does.

    >>> next_release("Dense", RELEASES.index("3.9"), argument="lora_alpha")
    '3.10'
    """
    known = _table(kind).get(name)
    spans = () if known is None else known.spans if argument is None else known.arguments.get(argument, ())
    return next(
        (RELEASES[later] for later in range(release + 1, len(RELEASES)) if any(later in s for s in spans)), None
    )
