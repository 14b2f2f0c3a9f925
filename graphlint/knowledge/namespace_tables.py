"""Names by which packages that Keras trusts export what a model computes with; all else in them is no part of one.

Read from released packages: Keras 2.12 to 3.15, TensorFlow 2.15 and 2.21, NumPy 2.4, PyTorch 2.2 and JAX 0.10. What
reads or writes files, opens connections, prints, loads code or changes settings is left out.
`graphlint.knowledge.namespaces` asks these tables.
"""

from __future__ import annotations

KERAS_CLASSES = frozenset(
    """
    AWQConfig AWQDTypePolicy AbsMaxQuantizer AutoCastVariable BaseAdaptiveAveragePooling BaseAdaptiveMaxPooling
    BaseAdaptivePooling BaseConv BaseConvTranspose BaseDenseAttention BaseDepthwiseConv BaseGlobalPooling
    BaseImagePreprocessingLayer BaseLayer BaseOptimizer BasePooling BaseRandomLayer BaseSeparableConv
    BaseSpatialDropout BasicLSTMCell BasicRNNCell BatchNormalizationBase CompileLoss CompileMetrics ConvLSTM
    ConvLSTMCell ConvRNN CosineDecay CosineDecayRestarts CustomScaleLayer DTypePolicy DTypePolicyMap DataLayer
    DenseFeaturesV2 DeviceWrapper Distiller DropoutWrapper ExponentialDecay FakeQuantWithMinMaxVars Feature
    FeatureDistillation FeatureSpace Float8QuantizationConfig FloatDTypePolicy FunctionalPreprocessingStage
    GPTQConfig GPTQDTypePolicy GPTQQuantizer GlobalPooling1D GlobalPooling2D GlobalPooling3D GroupedQueryAttention
    IndexLookup Int4DTypePolicy Int4QuantizationConfig Int8QuantizationConfig InverseTimeDecay KerasSaveable
    KerasTensor LayerRNNCell LayerScale LearningRateSchedule LinearCosineDecay LinearModel LogitsDistillation
    LossFunctionWrapper LossScaleOptimizerV3 LossesContainer MetricsList Mish ModuleWrapper MultiRNNCell
    NoisyLinearCosineDecay NonFusedAdam Operation OptimizerV2 PiecewiseConstantDecay Policy PolicyV1 PolynomialDecay
    Pooling1D Pooling2D Pooling3D PreprocessingLayer PreprocessingStage PyMetric QuantizationConfig
    QuantizedDTypePolicy QuantizedFloat8DTypePolicy Quantizer RNNCell RandomFourierFeatures RandomInitializer Reduce
    ResidualWrapper SeedGenerator SensitivitySpecificityBase SequenceFeatures SharpnessAwareMinimization
    StochasticDepth SumOverBatchSize SumOverBatchSizeMetricWrapper TFDConcat TFDIdentity TFDataLayer TFOptimizer
    WideDeepModel _BaseFeaturesLayer _BaseOptimizer _ConfusionMatrixConditionCount _CuDNNRNN _IoUBase _Merge
    _RNNCellWrapper _RNNCellWrapperV1
    """.split()
)
"""Classes that releases save and `graphlint.knowledge.releases` has no row for: bases, schedules, policies, cells."""

KERAS_FUNCTIONS = frozenset(
    """
    abs absolute acc accuracy adaptive_average_pool adaptive_max_pool add affine_transform all allclose amax amin
    angle any append arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argpartition argsort
    array array_split array_to_img associative_scan auc average average_pool bartlett batch_dot batch_flatten
    batch_normalization bce beta bias_add binary_accuracy binary_crossentropy binary_focal_crossentropy bincount
    binomial bitwise_and bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor
    blackman broadcast_to cast cast_to_floatx categorical categorical_accuracy categorical_crossentropy
    categorical_focal_crossentropy categorical_generalized_cross_entropy categorical_hinge cbrt cdist ce ceil celu
    cholesky cholesky_inverse circle clip clip_to_image_size compute_ciou compute_iou concatenate
    concordance_correlation cond conj conjugate constant conv conv1d conv2d conv2d_transpose conv3d conv_transpose
    convert_format convert_to_numpy convert_to_tensor copy corrcoef correlate cos cosh cosine_proximity
    cosine_similarity count_nonzero count_params crop crop_images cross crossentropy ctc ctc_batch_cost ctc_decode
    ctc_label_dense_to_sparse ctc_loss cumprod cumsum custom_gradient decode_deltas_to_boxes deg2rad depth_to_space
    depthwise_conv depthwise_conv2d det diag diagflat diagonal dice diff digitize divide divide_no_nan dot
    dot_product_attention dropout dsplit dstack dtype eig eigh einsum elastic_transform elu empty empty_like
    encode_box_to_deltas epsilon equal erf erfc erfinv exp exp2 expand_dims expm1 exponential extract_patches
    extract_patches_3d extract_sequences eye f1_score fabs fft fft2 flatten flip fliplr flipud floatx floor
    floor_divide fmax fmin fmod fold foldl foldr fori_loop full full_like gamma gather gaussian_blur gcd gelu
    geomspace get_item glorot_normal glorot_uniform glu greater greater_equal hamming hanning hard_shrink
    hard_sigmoid hard_silu hard_swish hard_tanh he_normal he_uniform heaviside hinge histogram hsplit hstack
    hsv_to_rgb huber huber_loss hypot i0 identity ifft2 imag image_data_format img_to_array in_test_phase in_top_k
    in_train_phase inner int_shape inv irfft is_float_dtype is_int_dtype is_keras_tensor is_sparse is_tensor isclose
    isfinite isin isinf isnan isneginf isposinf isreal istft jvp kaiser kl_divergence kld kron
    kullback_leibler_divergence l1 l1_l2 l2 l2_normalize layer_normalization lcm ldexp leaky_relu learning_phase
    lecun_normal lecun_uniform left_shift less less_equal linear linspace local_conv1d local_conv2d log log10 log1p
    log2 log_cosh log_sigmoid log_softmax logaddexp logaddexp2 logcosh logdet logical_and logical_not logical_or
    logical_xor logspace logsumexp lstsq lu_factor mae map map_coordinates map_fn mape matmul matrix_rank max
    max_norm max_pool maximum mean mean_absolute_error mean_absolute_percentage_error mean_metric_wrapper
    mean_squared_error mean_squared_logarithmic_error median meshgrid min min_max_norm minimum mish mod moments
    moveaxis moving_average_update mse msle multi_hot multiply nan_to_num nanargmax nanargmin nancumprod nancumsum
    nanmax nanmean nanmedian nanmin nanpercentile nanprod nanquantile nanstd nansum nanvar ndim negative nextafter
    non_neg nonzero norm normal normalize normalize_batch_in_training not_equal one one_hot ones ones_like
    orthogonal orthogonal_regularizer outer pad pad_images pad_sequences pearson_correlation percentile
    permute_dimensions perspective_transform pinv poisson polar pool2d pool3d pow power precision preprocess_input
    prod psnr ptp qr quantile rad2deg radial_constraint randint random_bernoulli random_binomial random_normal
    random_normal_variable random_uniform random_uniform_variable ravel real rearrange recall reciprocal relu relu6
    repeat repeat_elements reshape resize resize_images resize_volumes result_type reverse rfft rgb_to_grayscale
    rgb_to_hsv right_shift rms_normalization rnn roll rot90 round rsqrt saturate_cast scale_and_translate scan
    scatter scatter_update searchsorted segment_max segment_min segment_prod segment_sum select selu separable_conv
    separable_conv2d shape shuffle sigmoid sign signbit silu sin sinc sinh size slice slice_update slogdet
    smart_resize sobel_edges soft_shrink softmax softplus softsign solve solve_triangular sort space_to_depth
    sparse_categorical_accuracy sparse_categorical_crossentropy sparse_plus sparse_sigmoid
    sparse_top_k_categorical_accuracy sparsemax spatial_2d_padding spatial_3d_padding split sqrt square
    squared_hinge squareplus squeeze ssim stack standardize_dtype std stft stop_gradient subtract sum svd swapaxes
    swish switch take take_along_axis tan tanh tanh_shrink temporal_padding tensordot tf_contextlib tf_inspect
    tf_utils threshold tile to_categorical to_dense to_ordinal top_k top_k_categorical_accuracy trace transpose
    trapezoid tri tril triu true_divide trunc truncated_normal tversky unfold uniform unique unit_norm unravel_index
    unstack update update_add update_sub vander var variable variance_scaling vdot vectorize vectorized_map view
    view_as_complex view_as_real vsplit vstack where while_loop zero zeros zeros_like
    """.split()
)
"""Activations, losses, metrics, initializers, operations and backend functions of any release."""

TENSORFLOW_FUNCTIONS = frozenset(
    """
    abs absolute accumulate_n acos acosh add add_n adjoint adjust_brightness adjust_contrast adjust_gamma adjust_hue
    adjust_jpeg_quality adjust_saturation all all_candidate_sampler allclose amax amin angle any append approx_max_k
    approx_min_k approx_top_k arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort
    around array array_equal as_dtype as_string asanyarray asarray ascontiguousarray asin asinh assert_all_finite
    assert_equal assert_greater assert_greater_equal assert_integer assert_less assert_less_equal assert_near
    assert_negative assert_non_negative assert_non_positive assert_none_equal assert_positive assert_proper_iterable
    assert_rank assert_rank_at_least assert_rank_in assert_same_float_dtype assert_scalar assert_shapes assert_type
    atan atan2 atanh atleast_1d atleast_2d atleast_3d atrous_conv2d atrous_conv2d_transpose average avg_pool
    avg_pool1d avg_pool2d avg_pool3d avg_pool_v2 band_part banded_triangular_solve batch_gather
    batch_norm_with_global_normalization batch_normalization batch_to_space batch_to_space_nd bessel_i0 bessel_i0e
    bessel_i1 bessel_i1e betainc bfloat16 bias_add bidirectional_dynamic_rnn bincount bitcast bitwise_and
    bitwise_not bitwise_or bitwise_xor bool boolean_mask broadcast_arrays broadcast_dynamic_shape
    broadcast_static_shape broadcast_to bytes_split case cast categorical cbrt ceil central_crop check_numerics
    cholesky cholesky_solve clip clip_by_average_norm clip_by_global_norm clip_by_norm clip_by_value
    collapse_repeated combined_non_max_suppression complex complex128 complex64 compress compute_accidental_hits
    compute_average_loss concat concatenate cond confusion_matrix conj conjugate constant conv conv1d
    conv1d_transpose conv2d conv2d_backprop_filter conv2d_backprop_filter_v2 conv2d_backprop_input
    conv2d_backprop_input_v2 conv2d_transpose conv3d conv3d_backprop_filter conv3d_backprop_filter_v2
    conv3d_transpose conv_transpose convert_image_dtype convert_to_tensor convolution copy cos cosh count_nonzero
    create_rng_state crelu crop_and_resize crop_to_bounding_box cross cross_hashed ctc_beam_search_decoder
    ctc_beam_search_decoder_v2 ctc_greedy_decoder ctc_loss ctc_loss_v2 ctc_unique_labels cumprod cumsum
    cumulative_logsumexp custom_gradient dct decode_and_crop_jpeg decode_base64 decode_bmp decode_compressed
    decode_csv decode_gif decode_image decode_jpeg decode_json_example decode_jxl decode_png decode_proto decode_raw
    decode_wav decode_webp deg2rad depth_to_space depthwise_conv2d depthwise_conv2d_backprop_filter
    depthwise_conv2d_backprop_input depthwise_conv2d_native depthwise_conv2d_native_backprop_filter
    depthwise_conv2d_native_backprop_input dequantize deserialize_many_sparse det diag diag_indices diag_part
    diagflat diagonal diff difference digamma dilation2d div divide divide_no_nan divmod dot double
    draw_bounding_boxes dropout dsplit dstack dynamic_partition dynamic_rnn dynamic_stitch e edit_distance eig eigh
    eigh_tridiagonal eigvals eigvalsh einsum elu embedding_lookup embedding_lookup_sparse empty empty_like
    encode_base64 encode_jpeg encode_png encode_proto encode_wav ensure_shape equal erf erfc erfcinv erfinv
    erosion2d exp exp2 expand_dims expm expm1 extract_glimpse extract_image_patches extract_jpeg_shape
    extract_patches extract_volume_patches eye fabs fake_quant_with_min_max_args
    fake_quant_with_min_max_args_gradient fake_quant_with_min_max_vars fake_quant_with_min_max_vars_gradient
    fake_quant_with_min_max_vars_per_channel fake_quant_with_min_max_vars_per_channel_gradient fft fft2d fft3d fftnd
    fftshift fill fill_empty_rows finfo fingerprint fix flatten flip flip_left_right flip_up_down fliplr flipud
    float16 float32 float64 float_power floor floor_divide floordiv floormod fold_in foldl foldr format
    fractional_avg_pool fractional_max_pool frame from_dense full full_like fused_batch_norm gamma gather gather_nd
    gcd gelu generate_bounding_box_proposals geomspace get_static_value global_norm grad_pass_through gradients
    grayscale_to_rgb greater greater_equal group guarantee_const half hamming_window hann_window heaviside hessians
    histogram_fixed_width histogram_fixed_width_bins hsplit hstack hsv_to_rgb hypot idct identity identity_n ifft
    ifft2d ifft3d ifftnd ifftshift igamma igammac imag image_gradients in_top_k inf inner int16 int32 int64 int8
    intersection inv inverse_mdct inverse_stft inverse_stft_window_fn invert invert_permutation irfft irfft2d
    irfft3d irfftnd is_finite is_inf is_jpeg is_nan is_non_decreasing is_numeric_tensor is_strictly_increasing
    is_symbolic_tensor is_tensor isclose iscomplex iscomplexobj isfinite isinf isnan isneginf isotonic_regression
    isposinf isreal isrealobj isscalar issubdtype ix_ join kaiser_bessel_derived_window kaiser_window kron l2_loss
    l2_normalize lbeta lcm leaky_relu learned_unigram_candidate_sampler left_shift length less less_equal lgamma
    linear_to_mel_weight_matrix linspace local_response_normalization log log10 log1p log2 log_poisson_loss
    log_sigmoid log_softmax log_uniform_candidate_sampler logaddexp logaddexp2 logdet logical_and logical_not
    logical_or logical_xor logm logspace lower lrn lstsq lu lu_matrix_inverse lu_reconstruct lu_solve
    map_flat_values map_fn map_values mask matmul matrix_band_part matrix_determinant matrix_diag matrix_diag_part
    matrix_inverse matrix_rank matrix_set_diag matrix_solve matrix_solve_ls matrix_square_root matrix_transpose
    matrix_triangular_solve matvec max max_pool max_pool1d max_pool2d max_pool3d max_pool_v2 max_pool_with_argmax
    maximum mdct mean meshgrid mfccs_from_log_mel_spectrograms min minimum mirror_pad mod moments moveaxis
    multinomial multiply multiply_no_nan nanmean nanprod nansum nce_loss ndim ndtri negative nextafter ngrams no_op
    non_max_suppression non_max_suppression_overlaps non_max_suppression_padded non_max_suppression_with_scores
    nonzero norm normal normalize normalize_moments not_equal one_hot ones ones_like outer overlap_and_add pad
    pad_to_bounding_box parallel_stack parse_example parse_sequence_example parse_single_example
    parse_single_sequence_example parse_tensor per_image_standardization pi pinv poisson polygamma polyval pool
    positive pow power prod promote_types psnr ptp qint16 qint32 qint8 qr quantize quantize_and_dequantize
    quantize_and_dequantize_v2 quantize_v2 quantized_avg_pool quantized_concat quantized_conv2d quantized_max_pool
    quantized_relu_x quint16 quint8 rad2deg ragged_fill_empty_rows ragged_fill_empty_rows_grad random_brightness
    random_contrast random_crop random_flip_left_right random_flip_up_down random_gamma random_hue
    random_index_shuffle random_jpeg_quality random_normal random_poisson random_saturation random_shuffle
    random_uniform range rank ravel raw_rnn real realdiv reciprocal reciprocal_no_nan recompute_grad reduce_all
    reduce_any reduce_euclidean_norm reduce_join reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod
    reduce_std reduce_sum reduce_variance regex_full_match regex_replace relu relu6 relu_layer remainder reorder
    repeat required_space_to_batch_paddings reset_shape reshape resize resize_with_crop_or_pad resize_with_pad
    result_type retain reverse reverse_sequence reverse_v2 rfft rfft2d rfft3d rfftnd rgb_to_grayscale rgb_to_hsv
    rgb_to_yiq rgb_to_yuv right_shift rint roll rot90 round row_splits_to_segment_ids rsqrt
    safe_embedding_lookup_sparse sample_distorted_bounding_box sampled_addmm sampled_softmax_loss saturate_cast
    scalar_mul scale_regularization_loss scan scatter_nd searchsorted segment_ids_to_row_splits segment_max
    segment_mean segment_min segment_prod segment_sqrt_n segment_sum select self_adjoint_eig self_adjoint_eigvals
    selu separable_conv2d sequence_mask serialize_many_sparse serialize_sparse serialize_tensor set_diag setdiff1d
    shape shape_n shuffle sigmoid sigmoid_cross_entropy_with_logits sign signbit silu sin sinc sinh size slice
    slogdet sobel_edges sobol_sample softmax softmax_cross_entropy_with_logits softmax_cross_entropy_with_logits_v2
    softplus softsign solve sort space_to_batch space_to_batch_nd space_to_depth sparse_concat sparse_dense_matmul
    sparse_mask sparse_matmul sparse_segment_mean sparse_segment_sqrt_n sparse_segment_sum
    sparse_softmax_cross_entropy_with_logits sparse_tensor_dense_matmul sparse_tensor_to_dense sparse_to_dense split
    sqrt sqrtm square squared_difference squeeze ssim ssim_multiscale stack stack_dynamic_partitions
    stateless_binomial stateless_categorical stateless_gamma stateless_normal
    stateless_parameterized_truncated_normal stateless_poisson stateless_random_brightness stateless_random_contrast
    stateless_random_crop stateless_random_flip_left_right stateless_random_flip_up_down stateless_random_hue
    stateless_random_jpeg_quality stateless_random_saturation stateless_sample_distorted_bounding_box
    stateless_truncated_normal stateless_uniform static_bidirectional_rnn static_rnn static_state_saving_rnn std
    stft stop_gradient strided_slice string string_join string_split string_strip string_to_hash_bucket
    string_to_hash_bucket_fast string_to_hash_bucket_strong string_to_number strip substr subtract
    sufficient_statistics sum svd swapaxes swish switch_case take take_along_axis tan tanh tensor_diag
    tensor_diag_part tensor_scatter_add tensor_scatter_nd_add tensor_scatter_nd_max tensor_scatter_nd_min
    tensor_scatter_nd_sub tensor_scatter_nd_update tensor_scatter_sub tensor_scatter_update tensordot tile
    to_bfloat16 to_dense to_double to_float to_hash_bucket to_hash_bucket_fast to_hash_bucket_strong to_indicator
    to_int32 to_int64 to_number top_k total_variation trace transpose tri triangular_solve tridiagonal_matmul
    tridiagonal_solve tril triu true_divide truediv truncated_normal truncatediv truncatemod tuple
    type_spec_from_value uint16 uint32 uint64 uint8 unicode_decode unicode_decode_with_offsets unicode_encode
    unicode_script unicode_split unicode_split_with_offsets unicode_transcode uniform uniform_candidate_sampler
    union unique unique_with_counts unravel_index unsorted_segment_join unsorted_segment_max unsorted_segment_mean
    unsorted_segment_min unsorted_segment_prod unsorted_segment_sqrt_n unsorted_segment_sum unstack upper vander var
    vdot vectorized_map vorbis_window vsplit vstack weighted_cross_entropy_with_logits weighted_moments where
    where_v2 while_loop with_space_to_batch xdivy xlog1py xlogy xw_plus_b yiq_to_rgb yuv_to_rgb zero_fraction zeros
    zeros_like zeta
    """.split()
)
"""Functions of tf.math, tf.nn, tf.image, tf.linalg, tf.strings, tf.signal and of arrays."""

TENSORFLOW_OPERATIONS = frozenset(
    """
    Abs AccumulateNV2 Acos Acosh Add AddManySparseToTensorsMap AddN AddSparseToTensorsMap AddV2 AdjustContrast
    AdjustContrastv2 AdjustHue AdjustSaturation All AllCandidateSampler Angle AnonymousHashTable
    AnonymousMutableDenseHashTable AnonymousMutableHashTable AnonymousMutableHashTableOfTensors Any ApplyAdaMax
    ApplyAdadelta ApplyAdagrad ApplyAdagradDA ApplyAdagradV2 ApplyAdam ApplyAddSign ApplyCenteredRMSProp ApplyFtrl
    ApplyFtrlV2 ApplyGradientDescent ApplyMomentum ApplyPowerSign ApplyProximalAdagrad ApplyProximalGradientDescent
    ApplyRMSProp ApproxTopK ApproximateEqual ArgMax ArgMin AsString Asin Asinh Assert Assign AssignAdd
    AssignAddVariableOp AssignSub AssignSubVariableOp AssignVariableOp Atan Atan2 Atanh AudioSpectrogram AvgPool
    AvgPool3D AvgPool3DGrad AvgPoolGrad BandedTriangularSolve Batch BatchCholesky BatchCholeskyGrad BatchFFT
    BatchFFT2D BatchFFT3D BatchFunction BatchIFFT BatchIFFT2D BatchIFFT3D BatchMatMul BatchMatMulV2 BatchMatMulV3
    BatchMatrixBandPart BatchMatrixDeterminant BatchMatrixDiag BatchMatrixDiagPart BatchMatrixInverse
    BatchMatrixSetDiag BatchMatrixSolve BatchMatrixSolveLs BatchMatrixTriangularSolve
    BatchNormWithGlobalNormalization BatchNormWithGlobalNormalizationGrad BatchSelfAdjointEig BatchSelfAdjointEigV2
    BatchSvd BatchToSpace BatchToSpaceND BesselI0 BesselI0e BesselI1 BesselI1e BesselJ0 BesselJ1 BesselK0 BesselK0e
    BesselK1 BesselK1e BesselY0 BesselY1 Betainc BiasAdd BiasAddGrad BiasAddV1 Bincount Bitcast BitwiseAnd BitwiseOr
    BitwiseXor BlockLSTM BlockLSTMGrad BlockLSTMGradV2 BlockLSTMV2 BoostedTreesAggregateStats BoostedTreesBucketize
    BoostedTreesCalculateBestFeatureSplit BoostedTreesCalculateBestFeatureSplitV2
    BoostedTreesCalculateBestGainsPerFeature BoostedTreesCenterBias BoostedTreesCreateEnsemble
    BoostedTreesCreateQuantileStreamResource BoostedTreesDeserializeEnsemble BoostedTreesEnsembleResourceHandleOp
    BoostedTreesExampleDebugOutputs BoostedTreesFlushQuantileSummaries BoostedTreesGetEnsembleStates
    BoostedTreesMakeQuantileSummaries BoostedTreesMakeStatsSummary BoostedTreesPredict
    BoostedTreesQuantileStreamResourceAddSummaries BoostedTreesQuantileStreamResourceDeserialize
    BoostedTreesQuantileStreamResourceFlush BoostedTreesQuantileStreamResourceGetBucketBoundaries
    BoostedTreesQuantileStreamResourceHandleOp BoostedTreesSerializeEnsemble BoostedTreesSparseAggregateStats
    BoostedTreesSparseCalculateBestFeatureSplit BoostedTreesTrainingPredict BoostedTreesUpdateEnsemble
    BoostedTreesUpdateEnsembleV2 BroadcastArgs BroadcastGradientArgs BroadcastTo Bucketize CSRSparseMatrixComponents
    CSRSparseMatrixToDense CSRSparseMatrixToSparseTensor CTCBeamSearchDecoder CTCGreedyDecoder CTCLoss CTCLossV2
    Case Cast Ceil CheckNumerics CheckNumericsV2 Cholesky CholeskyGrad ClipByValue CombinedNonMaxSuppression Complex
    ComplexAbs CompositeTensorVariantFromComponents CompositeTensorVariantToComponents ComputeAccidentalHits Concat
    ConcatOffset ConcatV2 Conj ConjugateTranspose Const ConsumeMutexLock ControlTrigger Conv Conv2D
    Conv2DBackpropFilter Conv2DBackpropFilterV2 Conv2DBackpropInput Conv2DBackpropInputV2 Conv3D
    Conv3DBackpropFilter Conv3DBackpropFilterV2 Conv3DBackpropInput Conv3DBackpropInputV2 Cos Cosh CountUpTo
    CropAndResize CropAndResizeGradBoxes CropAndResizeGradImage Cross CudnnRNN CudnnRNNBackprop CudnnRNNBackpropV2
    CudnnRNNBackpropV3 CudnnRNNCanonicalToParams CudnnRNNCanonicalToParamsV2 CudnnRNNParamsSize
    CudnnRNNParamsToCanonical CudnnRNNParamsToCanonicalV2 CudnnRNNV2 CudnnRNNV3 Cumprod Cumsum CumulativeLogsumexp
    DataFormatDimMap DataFormatVecPermute Dawsn DebugGradientIdentity DebugGradientRefIdentity DecodeAndCropJpeg
    DecodeBase64 DecodeBmp DecodeCSV DecodeCompressed DecodeGif DecodeImage DecodeJSONExample DecodeJpeg DecodeJxl
    DecodePaddedRaw DecodePng DecodeProtoV2 DecodeRaw DecodeWav DecodeWebP DeepCopy DenseBincount
    DenseCountSparseOutput DenseToDenseSetOperation DenseToSparseSetOperation DepthToSpace DepthwiseConv2dNative
    DepthwiseConv2dNativeBackpropFilter DepthwiseConv2dNativeBackpropInput Dequantize DeserializeManySparse
    DeserializeSparse DestroyResourceOp DestroyTemporaryVariable DeviceIndex Diag DiagPart Digamma Dilation2D
    Dilation2DBackpropFilter Dilation2DBackpropInput DisableCopyOnRead Div DivNoNan DrawBoundingBoxes
    DrawBoundingBoxesV2 DynamicPartition DynamicStitch EditDistance Eig Einsum Elu EluGrad Empty EmptyTensorList
    EmptyTensorMap EncodeBase64 EncodeJpeg EncodeJpegVariableQuality EncodePng EncodeProto EncodeWav EnsureShape
    Enter Equal Erf Erfc Erfinv EuclideanNorm Exit Exp ExpandDims Expint Expm1 ExtractGlimpse ExtractGlimpseV2
    ExtractImagePatches ExtractJpegShape ExtractVolumePatches FFT FFT2D FFT3D FFTND FakeParam
    FakeQuantWithMinMaxArgs FakeQuantWithMinMaxArgsGradient FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsGradient
    FakeQuantWithMinMaxVarsPerChannel FakeQuantWithMinMaxVarsPerChannelGradient Fill Fingerprint Floor FloorDiv
    FloorMod For FractionalAvgPool FractionalAvgPoolGrad FractionalMaxPool FractionalMaxPoolGrad FresnelCos
    FresnelSin FusedBatchNorm FusedBatchNormGrad FusedBatchNormGradV2 FusedBatchNormGradV3 FusedBatchNormV2
    FusedBatchNormV3 FusedPadConv2D FusedResizeAndPadConv2D GRUBlockCell GRUBlockCellGrad Gather GatherNd GatherV2
    GenerateBoundingBoxProposals Greater GreaterEqual GuaranteeConst HSVToRGB HashTable HashTableV2
    HistogramFixedWidth IFFT IFFT2D IFFT3D IFFTND IRFFT IRFFT2D IRFFT3D IRFFTND Identity IdentityN If Igamma
    IgammaGradA Igammac Imag ImageProjectiveTransformV2 ImageProjectiveTransformV3 InTopK InTopKV2 InitializeTable
    InitializeTableV2 InplaceAdd InplaceSub InplaceUpdate Inv InvGrad Invert InvertPermutation
    IsBoostedTreesEnsembleInitialized IsBoostedTreesQuantileStreamResourceInitialized IsFinite IsInf IsNan
    IsVariableInitialized IsotonicRegression KMC2ChainInitialization KmeansPlusPlusInitialization L2Loss LRN LRNGrad
    LSTMBlockCell LSTMBlockCellGrad LeakyRelu LeakyReluGrad LearnedUnigramCandidateSampler LeftShift Less LessEqual
    Lgamma LinSpace ListDiff Log Log1p LogMatrixDeterminant LogSoftmax LogUniformCandidateSampler LogicalAnd
    LogicalNot LogicalOr LookupTableExport LookupTableExportV2 LookupTableFind LookupTableFindV2 LookupTableImport
    LookupTableImportV2 LookupTableInsert LookupTableInsertV2 LookupTableRemoveV2 LookupTableSize LookupTableSizeV2
    LoopCond LowerBound Lu MatMul MatrixBandPart MatrixDeterminant MatrixDiag MatrixDiagPart MatrixDiagPartV2
    MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixExponential MatrixInverse MatrixLogarithm MatrixSetDiag
    MatrixSetDiagV2 MatrixSetDiagV3 MatrixSolve MatrixSolveLs MatrixSquareRoot MatrixTriangularSolve Max MaxPool
    MaxPool3D MaxPool3DGrad MaxPool3DGradGrad MaxPoolGrad MaxPoolGradGrad MaxPoolGradGradV2
    MaxPoolGradGradWithArgmax MaxPoolGradV2 MaxPoolGradWithArgmax MaxPoolV2 MaxPoolWithArgmax Maximum Mean Merge
    Mfcc Min Minimum MirrorPad MirrorPadGrad Mod Mul MulNoNan Multinomial MutableDenseHashTable
    MutableDenseHashTableV2 MutableHashTable MutableHashTableOfTensors MutableHashTableOfTensorsV2
    MutableHashTableV2 MutexLock MutexV2 Ndtri NearestNeighbors Neg NextAfter NextIteration NoOp
    NonDeterministicInts NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4
    NonMaxSuppressionV5 NonMaxSuppressionWithOverlaps NotEqual NthElement OneHot OnesLike OptionalFromValue
    OptionalGetValue OptionalHasValue OptionalNone Pack Pad PadV2 ParallelConcat ParallelDynamicStitch
    ParameterizedTruncatedNormal ParseExample ParseExampleV2 ParseSequenceExample ParseSequenceExampleV2
    ParseSingleExample ParseSingleSequenceExample ParseTensor PartitionedCall Placeholder PlaceholderV2
    PlaceholderWithDefault Polygamma PopulationCount Pow PreventGradient Prod Qr QuantizeAndDequantize
    QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeAndDequantizeV4Grad
    QuantizeDownAndShrinkRange QuantizeV2 QuantizedAdd QuantizedAvgPool QuantizedBatchNormWithGlobalNormalization
    QuantizedBiasAdd QuantizedConcat QuantizedConv2D QuantizedConv2DAndRelu QuantizedConv2DAndReluAndRequantize
    QuantizedConv2DAndRequantize QuantizedConv2DPerChannel QuantizedConv2DWithBias QuantizedConv2DWithBiasAndRelu
    QuantizedConv2DWithBiasAndReluAndRequantize QuantizedConv2DWithBiasAndRequantize
    QuantizedConv2DWithBiasSignedSumAndReluAndRequantize QuantizedConv2DWithBiasSumAndRelu
    QuantizedConv2DWithBiasSumAndReluAndRequantize QuantizedDepthwiseConv2D QuantizedDepthwiseConv2DWithBias
    QuantizedDepthwiseConv2DWithBiasAndRelu QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize
    QuantizedInstanceNorm QuantizedMatMul QuantizedMatMulWithBias QuantizedMatMulWithBiasAndDequantize
    QuantizedMatMulWithBiasAndRelu QuantizedMatMulWithBiasAndReluAndRequantize QuantizedMatMulWithBiasAndRequantize
    QuantizedMaxPool QuantizedMul QuantizedRelu QuantizedRelu6 QuantizedReluX QuantizedReshape
    QuantizedResizeBilinear RFFT RFFT2D RFFT3D RFFTND RGBToHSV RaggedBincount RaggedCountSparseOutput RaggedCross
    RaggedFillEmptyRows RaggedFillEmptyRowsGrad RaggedGather RaggedRange RaggedTensorFromVariant
    RaggedTensorToSparse RaggedTensorToTensor RaggedTensorToVariant RaggedTensorToVariantGradient RandomCrop
    RandomGamma RandomGammaGrad RandomIndexShuffle RandomPoisson RandomPoissonV2 RandomShuffle RandomStandardNormal
    RandomUniform RandomUniformInt Range Rank ReadVariableOp Real RealDiv Reciprocal ReciprocalGrad ReduceJoin
    RefEnter RefExit RefIdentity RefMerge RefNextIteration RefSelect RefSwitch RegexFullMatch RegexReplace Relu
    Relu6 Relu6Grad ReluGrad RequantizationRange RequantizationRangePerChannel Requantize RequantizePerChannel
    Reshape ResizeArea ResizeBicubic ResizeBicubicGrad ResizeBilinear ResizeBilinearGrad ResizeNearestNeighbor
    ResizeNearestNeighborGrad ResourceApplyAdaMax ResourceApplyAdadelta ResourceApplyAdagrad ResourceApplyAdagradDA
    ResourceApplyAdagradV2 ResourceApplyAdam ResourceApplyAdamWithAmsgrad ResourceApplyAddSign
    ResourceApplyCenteredRMSProp ResourceApplyFtrl ResourceApplyFtrlV2 ResourceApplyGradientDescent
    ResourceApplyKerasMomentum ResourceApplyMomentum ResourceApplyPowerSign ResourceApplyProximalAdagrad
    ResourceApplyProximalGradientDescent ResourceApplyRMSProp ResourceCountUpTo ResourceGather ResourceGatherNd
    ResourceScatterAdd ResourceScatterDiv ResourceScatterMax ResourceScatterMin ResourceScatterMul
    ResourceScatterNdAdd ResourceScatterNdMax ResourceScatterNdMin ResourceScatterNdSub ResourceScatterNdUpdate
    ResourceScatterSub ResourceScatterUpdate ResourceSparseApplyAdadelta ResourceSparseApplyAdagrad
    ResourceSparseApplyAdagradDA ResourceSparseApplyAdagradV2 ResourceSparseApplyCenteredRMSProp
    ResourceSparseApplyFtrl ResourceSparseApplyFtrlV2 ResourceSparseApplyKerasMomentum ResourceSparseApplyMomentum
    ResourceSparseApplyProximalAdagrad ResourceSparseApplyProximalGradientDescent ResourceSparseApplyRMSProp
    ResourceStridedSliceAssign Reverse ReverseSequence ReverseV2 RightShift Rint RngReadAndSkip RngSkip Roll Round
    Rsqrt RsqrtGrad SampleDistortedBoundingBox SampleDistortedBoundingBoxV2 ScaleAndTranslate ScaleAndTranslateGrad
    ScatterAdd ScatterDiv ScatterMax ScatterMin ScatterMul ScatterNd ScatterNdAdd ScatterNdMax ScatterNdMin
    ScatterNdNonAliasingAdd ScatterNdSub ScatterNdUpdate ScatterSub ScatterUpdate SegmentMax SegmentMaxV2
    SegmentMean SegmentMin SegmentMinV2 SegmentProd SegmentProdV2 SegmentSum SegmentSumV2 Select SelectV2
    SelfAdjointEig SelfAdjointEigV2 Selu SeluGrad SerializeManySparse SerializeSparse SerializeTensor SetSize Shape
    ShapeN Sigmoid SigmoidGrad Sign Sin Sinh Size Slice Snapshot SobolSample Softmax SoftmaxCrossEntropyWithLogits
    Softplus SoftplusGrad Softsign SoftsignGrad SpaceToBatch SpaceToBatchND SpaceToDepth SparseAdd SparseAddGrad
    SparseApplyAdadelta SparseApplyAdagrad SparseApplyAdagradDA SparseApplyAdagradV2 SparseApplyCenteredRMSProp
    SparseApplyFtrl SparseApplyFtrlV2 SparseApplyMomentum SparseApplyProximalAdagrad
    SparseApplyProximalGradientDescent SparseApplyRMSProp SparseBincount SparseConcat SparseCountSparseOutput
    SparseCross SparseCrossHashed SparseCrossV2 SparseDenseCwiseAdd SparseDenseCwiseDiv SparseDenseCwiseMul
    SparseFillEmptyRows SparseFillEmptyRowsGrad SparseMatMul SparseMatrixAdd SparseMatrixMatMul SparseMatrixMul
    SparseMatrixNNZ SparseMatrixOrderingAMD SparseMatrixSoftmax SparseMatrixSoftmaxGrad SparseMatrixSparseCholesky
    SparseMatrixSparseMatMul SparseMatrixTranspose SparseMatrixZeros SparseReduceMax SparseReduceMaxSparse
    SparseReduceSum SparseReduceSumSparse SparseReorder SparseReshape SparseSegmentMean SparseSegmentMeanGrad
    SparseSegmentMeanGradV2 SparseSegmentMeanWithNumSegments SparseSegmentSqrtN SparseSegmentSqrtNGrad
    SparseSegmentSqrtNGradV2 SparseSegmentSqrtNWithNumSegments SparseSegmentSum SparseSegmentSumGrad
    SparseSegmentSumGradV2 SparseSegmentSumWithNumSegments SparseSlice SparseSliceGrad SparseSoftmax
    SparseSoftmaxCrossEntropyWithLogits SparseSparseMaximum SparseSparseMinimum SparseSplit SparseTensorDenseAdd
    SparseTensorDenseMatMul SparseToDense SparseToSparseSetOperation Spence Split SplitV Sqrt SqrtGrad Square
    SquaredDifference Squeeze Stack StackClose StackCloseV2 StackPop StackPopV2 StackPush StackPushV2 StackV2
    StatefulPartitionedCall StatefulRandomBinomial StatefulStandardNormal StatefulStandardNormalV2
    StatefulTruncatedNormal StatefulUniform StatefulUniformFullInt StatefulUniformInt StatelessCase StatelessIf
    StatelessMultinomial StatelessParameterizedTruncatedNormal StatelessRandomBinomial StatelessRandomGammaV2
    StatelessRandomGammaV3 StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg
    StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomPoisson StatelessRandomUniform
    StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 StatelessRandomUniformInt
    StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessSampleDistortedBoundingBox StatelessShuffle
    StatelessTruncatedNormal StatelessTruncatedNormalV2 StatelessWhile StaticRegexFullMatch StaticRegexReplace
    StopGradient StridedSlice StridedSliceAssign StridedSliceGrad StringFormat StringJoin StringLength StringLower
    StringNGrams StringSplit StringSplitV2 StringStrip StringToHashBucket StringToHashBucketFast
    StringToHashBucketStrong StringToNumber StringUpper Sub Substr Sum Svd Switch SymbolicGradient
    TakeManySparseFromTensorsMap Tan Tanh TanhGrad TemporaryVariable TensorArray TensorArrayClose TensorArrayCloseV2
    TensorArrayCloseV3 TensorArrayConcat TensorArrayConcatV2 TensorArrayConcatV3 TensorArrayGather
    TensorArrayGatherV2 TensorArrayGatherV3 TensorArrayGrad TensorArrayGradV2 TensorArrayGradV3
    TensorArrayGradWithShape TensorArrayPack TensorArrayRead TensorArrayReadV2 TensorArrayReadV3 TensorArrayScatter
    TensorArrayScatterV2 TensorArrayScatterV3 TensorArraySize TensorArraySizeV2 TensorArraySizeV3 TensorArraySplit
    TensorArraySplitV2 TensorArraySplitV3 TensorArrayUnpack TensorArrayV2 TensorArrayV3 TensorArrayWrite
    TensorArrayWriteV2 TensorArrayWriteV3 TensorListConcat TensorListConcatLists TensorListConcatV2
    TensorListElementShape TensorListFromTensor TensorListGather TensorListGetItem TensorListLength
    TensorListPopBack TensorListPushBack TensorListPushBackBatch TensorListReserve TensorListResize
    TensorListScatter TensorListScatterIntoExistingList TensorListScatterV2 TensorListSetItem TensorListSplit
    TensorListStack TensorMapErase TensorMapHasKey TensorMapInsert TensorMapLookup TensorMapSize TensorMapStackKeys
    TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub TensorScatterUpdate TensorStridedSliceUpdate
    ThreadUnsafeUnigramCandidateSampler Tile TileGrad ToBool TopK TopKV2 Transpose TridiagonalMatMul
    TridiagonalSolve TruncateDiv TruncateMod TruncatedNormal Unbatch UnbatchGrad UnicodeDecode
    UnicodeDecodeWithOffsets UnicodeEncode UnicodeScript UnicodeTranscode UniformCandidateSampler UniformDequantize
    UniformQuantize UniformQuantizedAdd UniformQuantizedClipByValue UniformQuantizedConvolution
    UniformQuantizedConvolutionHybrid UniformQuantizedDot UniformQuantizedDotHybrid UniformRequantize Unique
    UniqueV2 UniqueWithCounts UniqueWithCountsV2 Unpack UnravelIndex UnsortedSegmentJoin UnsortedSegmentMax
    UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum UpperBound VarHandleOp VarIsInitializedOp Variable
    VariableShape VariableV2 Where While Xdivy Xlog1py Xlogy ZerosLike Zeta
    """.split()
)
"""Operations of a graph that compute, branch, look up or hold variables, by their registered names."""

TENSORFLOW_OTHER_OPERATIONS = frozenset(
    """
    AccumulatorApplyGradient AccumulatorNumAccumulated AccumulatorSetGlobalStep AccumulatorTakeGradient AllToAll
    AnonymousMemoryCache AnonymousRandomSeedGenerator AnonymousSeedGenerator AssignVariableXlaConcatND
    AudioMicrofrontend AudioSummary AudioSummaryV2 Barrier BarrierClose BarrierIncompleteSize BarrierInsertMany
    BarrierReadySize BarrierTakeMany CalibrationStatisticsSaver CheckPinned CloseSummaryWriter
    CollateTPUEmbeddingMemory CompressElement ComputeBatchSize ComputeDedupDataSize ComputeDedupDataSizeV2
    ComputeDedupDataTupleMask ComputeDedupDataTupleMaskV2 ConditionalAccumulator ConfigureAndInitializeGlobalTPU
    ConfigureDistributedTPU ConfigureTPUEmbedding ConfigureTPUEmbeddingHost ConfigureTPUEmbeddingMemory
    ConnectTPUEmbeddingHosts ConvertToCooTensor ConvertToListOfSparseCoreCooTensors
    ConvertToSparseCoreCsrWrappedCooTensor Copy CopyHost CopyToMesh CopyToMeshGrad CrossReplicaSum CustomAggregator
    DTensorAllGather DTensorAllReduce DTensorAllScatter DTensorAllToAll DTensorReduceScatter
    DTensorSetGlobalTPUArray DeleteMemoryCache DeleteRandomSeedGenerator DeleteRpcFutureResource DeleteSeedGenerator
    DeleteSessionTensor DenseToCSRSparseMatrix DummyIterationCounter DummyMemoryCache DummySeedGenerator
    DynamicEnqueueTPUEmbeddingArbitraryTensorBatch DynamicEnqueueTPUEmbeddingRaggedTensorBatch
    EnqueueTPUEmbeddingArbitraryTensorBatch EnqueueTPUEmbeddingBatch EnqueueTPUEmbeddingIntegerBatch
    EnqueueTPUEmbeddingRaggedTensorBatch EnqueueTPUEmbeddingSparseBatch EnqueueTPUEmbeddingSparseTensorBatch
    ExecuteTPUEmbeddingPartitioner ExperimentalStatsAggregatorHandle ExperimentalStatsAggregatorSummary
    ExperimentalThreadPoolHandle FIFOQueue FIFOQueueV2 Fact FakeQueue FinalizeTPUEmbedding FinalizeTPUEmbeddingV2
    FiveFloatOutputs GetDeadline GetElementAtIndex GetMinibatchSplitsWithPhysicalReplica
    GetMinibatchesInCsrWithPhysicalReplica GetOptions GetSessionHandle GetSessionHandleV2 GetSessionTensor
    GetStatsFromListOfSparseCoreCooTensors GetTpuTaskId GlobalIterId HistogramSummary HostConst ImageSummary
    InfeedDequeue InfeedDequeueTuple InfeedEnqueue InfeedEnqueuePrelinearizedBuffer InfeedEnqueueTuple
    IsResourceHandleRefCounting IsTPUEmbeddingInitialized IsTensorFloat32Enabled KthOrderStatistic
    LoadAllTPUEmbeddingParameters LoadTPUEmbeddingADAMParameters LoadTPUEmbeddingAdadeltaParameters
    LoadTPUEmbeddingAdagradMomentumParameters LoadTPUEmbeddingAdagradParameters
    LoadTPUEmbeddingCenteredRMSPropParameters LoadTPUEmbeddingFTRLParameters
    LoadTPUEmbeddingFrequencyEstimatorParameters LoadTPUEmbeddingMDLAdagradLightParameters
    LoadTPUEmbeddingMomentumParameters LoadTPUEmbeddingProximalAdagradParameters
    LoadTPUEmbeddingProximalYogiParameters LoadTPUEmbeddingRMSPropParameters
    LoadTPUEmbeddingStochasticGradientDescentParameters MakeUnique MakeWeakResourceHandle MapClear MapDefun
    MapIncompleteSize MapPeek MapSize MapStage MapUnstage MapUnstageNoKey MergeDedupData MergeSummary
    MlirPassthroughOp NcclAllReduce NcclBroadcast NcclReduce NegTrain OrderedMapClear OrderedMapIncompleteSize
    OrderedMapPeek OrderedMapSize OrderedMapStage OrderedMapUnstage OrderedMapUnstageNoKey PaddingFIFOQueue
    PaddingFIFOQueueV2 Prelinearize PrelinearizeTuple PriorityQueue PriorityQueueV2 QuantizedConcatV2 QueueClose
    QueueCloseV2 QueueDequeue QueueDequeueMany QueueDequeueManyV2 QueueDequeueUpTo QueueDequeueUpToV2 QueueDequeueV2
    QueueEnqueue QueueEnqueueMany QueueEnqueueManyV2 QueueEnqueueV2 QueueIsClosed QueueIsClosedV2 QueueSize
    QueueSizeV2 RandomShuffleQueue RandomShuffleQueueV2 ReadVariableXlaSplitND RecvTPUEmbeddingActivations Relayout
    RelayoutLike ResourceAccumulatorApplyGradient ResourceAccumulatorNumAccumulated ResourceAccumulatorSetGlobalStep
    ResourceAccumulatorTakeGradient ResourceConditionalAccumulator RetrieveAllTPUEmbeddingParameters
    RetrieveTPUEmbeddingADAMParameters RetrieveTPUEmbeddingAdadeltaParameters
    RetrieveTPUEmbeddingAdagradMomentumParameters RetrieveTPUEmbeddingAdagradParameters
    RetrieveTPUEmbeddingCenteredRMSPropParameters RetrieveTPUEmbeddingFTRLParameters
    RetrieveTPUEmbeddingFrequencyEstimatorParameters RetrieveTPUEmbeddingMDLAdagradLightParameters
    RetrieveTPUEmbeddingMomentumParameters RetrieveTPUEmbeddingProximalAdagradParameters
    RetrieveTPUEmbeddingProximalYogiParameters RetrieveTPUEmbeddingRMSPropParameters
    RetrieveTPUEmbeddingStochasticGradientDescentParameters RiscAbs RiscAdd RiscBinaryArithmetic
    RiscBinaryComparison RiscBitcast RiscBroadcast RiscCast RiscCeil RiscCholesky RiscConcat RiscCondition RiscConv
    RiscCos RiscDiv RiscDot RiscExp RiscFft RiscFloor RiscGather RiscImag RiscIsFinite RiscLog RiscLogicalAnd
    RiscLogicalNot RiscLogicalOr RiscMax RiscMin RiscMul RiscNeg RiscPad RiscPool RiscPow RiscRandomUniform RiscReal
    RiscReduce RiscRem RiscReshape RiscReverse RiscScatter RiscShape RiscSign RiscSlice RiscSort RiscSqueeze RiscSub
    RiscTranspose RiscTriangularSolve RiscUnary RiscWhile ScalarSummary SdcaFprint SdcaOptimizer SdcaOptimizerV2
    SdcaShrinkL1 SendTPUEmbeddingGradients ShardedFilename ShardedFilespec ShutdownDistributedTPU ShutdownTPUSystem
    SortListOfSparseCoreCooTensors SparseAccumulatorApplyGradient SparseAccumulatorTakeGradient
    SparseConditionalAccumulator SparseTensorToCSRSparseMatrix SplitDedupData Stage StageClear StagePeek StageSize
    StatsAggregatorHandle StatsAggregatorHandleV2 StatsAggregatorSetSummaryWriter StatsAggregatorSummary
    StochasticCastToInt StoreMinibatchStatisticsInFdo SyncDevice TPUAnnotateTensorsWithDynamicShape
    TPUCompilationResult TPUCompile TPUCompileSucceededAssert TPUCopyWithDynamicShape TPUDummyInput
    TPUEmbeddingActivations TPUExecute TPUExecuteAndUpdateVariables TPUOrdinalSelector TPUPartitionedCall
    TPUPartitionedInput TPUPartitionedInputV2 TPUPartitionedOutput TPUPartitionedOutputV2 TPUReplicateMetadata
    TPUReplicatedInput TPUReplicatedOutput TPUReshardVariables TPURoundRobin TensorSummary TensorSummaryV2
    ThreadPoolHandle Timestamp TopKUnique TopKWithUnique TpuHandleToProtoKey UncompressElement Unstage
    UpdateTaskIdAndGlobalCoreArray WindowOp XlaAllReduce XlaBroadcastHelper XlaCallModule XlaClusterOutput
    XlaConcatND XlaConv XlaConvV2 XlaDequantize XlaDot XlaDotV2 XlaDynamicSlice XlaDynamicUpdateSlice XlaEinsum
    XlaGather XlaHostCompute XlaIf XlaKeyValueSort XlaLaunch XlaLaunchV2 XlaOptimizationBarrier XlaPad XlaRecv
    XlaRecvFromHost XlaRecvTPUEmbeddingActivations XlaRecvTPUEmbeddingActivationsV2
    XlaRecvTPUEmbeddingDeduplicationData XlaRecvTPUEmbeddingDeduplicationDataV2 XlaReduce XlaReducePrecision
    XlaReduceScatter XlaReduceWindow XlaRemoveDynamicDimensionSize XlaReplicaId XlaRngBitGenerator XlaScatter
    XlaSelectAndScatter XlaSelfAdjointEig XlaSend XlaSendTPUEmbeddingGradients XlaSendTPUEmbeddingGradientsV2
    XlaSendToHost XlaSetBound XlaSetDynamicDimensionSize XlaSharding XlaSort XlaSparseActivationsUnstack
    XlaSparseCoreAdagrad XlaSparseCoreAdagradMomentum XlaSparseCoreAdam XlaSparseCoreFtrl XlaSparseCoreSgd
    XlaSparseDenseMatmul XlaSparseDenseMatmulCustomCombinerOnTcGradWithAdagradAndCsrInput
    XlaSparseDenseMatmulCustomCombinerOnTcGradWithAdagradMomentumAndCsrInput
    XlaSparseDenseMatmulCustomCombinerOnTcGradWithAdamAndCsrInput
    XlaSparseDenseMatmulCustomCombinerOnTcGradWithCsrInput
    XlaSparseDenseMatmulCustomCombinerOnTcGradWithFtrlAndCsrInput
    XlaSparseDenseMatmulCustomCombinerOnTcGradWithSgdAndCsrInput XlaSparseDenseMatmulCustomCombinerOnTcWithCsrInput
    XlaSparseDenseMatmulGradWithAdagradAndCsrInput XlaSparseDenseMatmulGradWithAdagradAndStaticBufferSize
    XlaSparseDenseMatmulGradWithAdagradMomentumAndCsrInput
    XlaSparseDenseMatmulGradWithAdagradMomentumAndStaticBufferSize XlaSparseDenseMatmulGradWithAdamAndCsrInput
    XlaSparseDenseMatmulGradWithAdamAndStaticBufferSize XlaSparseDenseMatmulGradWithCsrInput
    XlaSparseDenseMatmulGradWithFtrlAndCsrInput XlaSparseDenseMatmulGradWithFtrlAndStaticBufferSize
    XlaSparseDenseMatmulGradWithSgdAndCsrInput XlaSparseDenseMatmulGradWithSgdAndStaticBufferSize
    XlaSparseDenseMatmulWithCsrInput XlaSparseDenseMatmulWithStaticBufferSize XlaSparseGradientsStack XlaSplitND
    XlaSpmdFullToShardShape XlaSpmdShardToFullShape XlaSvd XlaVariadicReduce XlaVariadicReduceV2 XlaVariadicSort
    XlaWhile _Arg _ArrayToList _ConfigureDistributedTPU _CopyFromGpuToHost _CopyFromHostToGpu _DeviceArg
    _DeviceRetval _DisconnectHostFromDistributedTPUSystem _EagerConst _FusedBatchNormEx _FusedBatchNormGradEx
    _FusedConv2D _FusedConv3D _FusedDepthwiseConv2dNative _FusedMatMul _FusedQuantizedConv2D
    _FusedQuantizedDepthwiseConv2D _HostCast _HostRecv _HostSend _If _InitializeHostForDistributedTPU _ListToArray
    _MklAdd _MklAddN _MklAddV2 _MklAvgPool _MklAvgPool3D _MklAvgPool3DGrad _MklAvgPoolGrad _MklBatchMatMul
    _MklBatchMatMulV2 _MklConcat _MklConcatV2 _MklConjugateTranspose _MklConv2D _MklConv2DBackpropFilter
    _MklConv2DBackpropFilterWithBias _MklConv2DBackpropInput _MklConv2DWithBias _MklConv3D
    _MklConv3DBackpropFilterV2 _MklConv3DBackpropInputV2 _MklDepthwiseConv2dNative
    _MklDepthwiseConv2dNativeBackpropFilter _MklDepthwiseConv2dNativeBackpropInput _MklDequantize _MklEinsum _MklElu
    _MklEluGrad _MklFusedBatchMatMulV2 _MklFusedBatchNorm _MklFusedBatchNormEx _MklFusedBatchNormGrad
    _MklFusedBatchNormGradV2 _MklFusedBatchNormGradV3 _MklFusedBatchNormV2 _MklFusedBatchNormV3 _MklFusedConv2D
    _MklFusedDepthwiseConv2dNative _MklFusedInstanceNorm _MklFusedMatMul _MklFusedMish _MklIdentity
    _MklInputConversion _MklLRN _MklLRNGrad _MklLayerNorm _MklLeakyRelu _MklLeakyReluGrad _MklMatMul _MklMaxPool
    _MklMaxPool3D _MklMaxPool3DGrad _MklMaxPoolGrad _MklMaximum _MklMul _MklNativeAvgPool _MklNativeAvgPool3D
    _MklNativeAvgPool3DGrad _MklNativeAvgPoolGrad _MklNativeConv2D _MklNativeConv2DBackpropFilter
    _MklNativeConv2DBackpropFilterWithBias _MklNativeConv2DBackpropInput _MklNativeConv2DWithBias _MklNativeConv3D
    _MklNativeConv3DBackpropFilterV2 _MklNativeConv3DBackpropInputV2 _MklNativeDepthwiseConv2dNative
    _MklNativeDepthwiseConv2dNativeBackpropFilter _MklNativeDepthwiseConv2dNativeBackpropInput
    _MklNativeFusedBatchNorm _MklNativeFusedBatchNormEx _MklNativeFusedBatchNormGrad _MklNativeFusedBatchNormGradV2
    _MklNativeFusedBatchNormGradV3 _MklNativeFusedBatchNormV2 _MklNativeFusedBatchNormV3 _MklNativeFusedConv2D
    _MklNativeFusedConv3D _MklNativeFusedDepthwiseConv2dNative _MklNativeFusedMatMul _MklNativeMaxPool
    _MklNativeMaxPool3D _MklNativeMaxPool3DGrad _MklNativeMaxPoolGrad _MklNativePadWithConv2D
    _MklNativePadWithFusedConv2D _MklNativeSparseMatrixMatMul _MklPadWithConv2D _MklPadWithFusedConv2D
    _MklQuantizeV2 _MklQuantizedAvgPool _MklQuantizedConcatV2 _MklQuantizedConv2D _MklQuantizedConv2DAndRelu
    _MklQuantizedConv2DAndReluAndRequantize _MklQuantizedConv2DAndRequantize _MklQuantizedConv2DPerChannel
    _MklQuantizedConv2DWithBias _MklQuantizedConv2DWithBiasAndRelu _MklQuantizedConv2DWithBiasAndReluAndRequantize
    _MklQuantizedConv2DWithBiasAndRequantize _MklQuantizedConv2DWithBiasSignedSumAndReluAndRequantize
    _MklQuantizedConv2DWithBiasSumAndRelu _MklQuantizedConv2DWithBiasSumAndReluAndRequantize
    _MklQuantizedDepthwiseConv2D _MklQuantizedDepthwiseConv2DWithBias _MklQuantizedDepthwiseConv2DWithBiasAndRelu
    _MklQuantizedDepthwiseConv2DWithBiasAndReluAndRequantize _MklQuantizedMatMulWithBias
    _MklQuantizedMatMulWithBiasAndDequantize _MklQuantizedMatMulWithBiasAndRelu
    _MklQuantizedMatMulWithBiasAndReluAndRequantize _MklQuantizedMatMulWithBiasAndRequantize _MklQuantizedMaxPool
    _MklRelu _MklRelu6 _MklRelu6Grad _MklReluGrad _MklReshape _MklSlice _MklSoftmax _MklSquaredDifference _MklSub
    _MklSwish _MklTanh _MklTanhGrad _MklToTf _MklTranspose _NcclBroadcastRecv _NcclBroadcastSend _NcclReduceRecv
    _NcclReduceSend _ParallelConcatStart _ParallelConcatUpdate _QuantizedMatMul _QuantizedMaxPool3D _ReadVariablesOp
    _Retval _ScopedAllocator _ScopedAllocatorConcat _ScopedAllocatorSplit _SetGlobalTPUArray _ShutdownDistributedTPU
    _SwitchN _TPUCompileMlir _TPUReplicate _TensorToHashBucketFast _UnaryOpsComposition _VarHandlesOp
    _WaitForDistributedTPU _While _XlaAotOnlyVarHandleOp _XlaCompile _XlaCompileMlirPlaceholderProgramKey
    _XlaHostComputeMlir _XlaMerge _XlaRecvAtHost _XlaRecvAtHostV2 _XlaRun _XlaSendFromHost _XlaSendFromHostV2
    __MklDummyConv2DBackpropFilterWithBias __MklDummyConv2DWithBias __MklDummyPadWithConv2D
    __MklDummyPadWithFusedConv2D
    """.split()
)
"""Operations that only move data between devices, queues and compilers; no table of models has a place for them."""

NUMPY_NAMES = frozenset(
    """
    BitGenerator Generator LinAlgError MT19937 PCG64 PCG64DXSM Philox RandomState SFC64 SeedSequence abs absolute
    acos acosh add all allclose alltrue amax amin angle any append apply_along_axis apply_over_axes arange arccos
    arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argpartition argsort argwhere around array
    array_equal array_equiv array_split asanyarray asarray asarray_chkfinite ascontiguousarray asfarray
    asfortranarray asin asinh asmatrix astype atan atan2 atanh atleast_1d atleast_2d atleast_3d average bartlett
    base_repr beta binary_repr bincount binomial bitwise_and bitwise_count bitwise_invert bitwise_left_shift
    bitwise_not bitwise_or bitwise_right_shift bitwise_xor blackman block bmat bool bool8 bool_ broadcast
    broadcast_arrays broadcast_shapes broadcast_to busday_count busday_offset busdaycalendar byte bytes_ can_cast
    cbrt cdouble ceil character chisquare choice cholesky choose clip clongdouble column_stack common_type
    complex128 complex256 complex64 complex_ complexfloating compress concat concatenate cond conj conjugate
    convolve copy copysign copyto corrcoef correlate cos cosh count_nonzero cov cross csingle cumprod cumproduct
    cumsum cumulative_prod cumulative_sum datetime64 datetime_as_string datetime_data default_rng deg2rad degrees
    delete det diag diag_indices diag_indices_from diagflat diagonal diff digitize dirichlet divide divmod dot
    double dsplit dstack dtype ediff1d eig eigh eigvals eigvalsh einsum einsum_path empty empty_like equal exp exp2
    expand_dims expm1 exponential extract eye f fabs fft fft2 fftfreq fftn fftshift fill_diagonal finfo fix flatiter
    flatnonzero flexible flip fliplr flipud float128 float16 float32 float64 float96 float_ float_power floating
    floor floor_divide fmax fmin fmod frexp full full_like gamma gcd generic geometric geomspace gradient greater
    greater_equal gumbel half hamming hanning heaviside hfft histogram histogram2d histogram_bin_edges histogramdd
    hsplit hstack hypergeometric hypot i0 identity ifft ifft2 ifftn ifftshift ihfft iinfo imag in1d indices inexact
    inner insert int16 int32 int64 int8 int_ intc integer interp intersect1d intp inv invert irfft irfft2 irfftn
    is_busday isclose iscomplex iscomplexobj isdtype isfinite isfortran isin isinf isnan isnat isneginf isposinf
    isreal isrealobj isscalar issubdtype iterable ix_ kaiser kron laplace lcm ldexp left_shift less less_equal
    lexsort linspace log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor
    logistic lognormal logseries logspace long longdouble longlong lstsq mask_indices matmul matrix matrix_norm
    matrix_power matrix_rank matrix_transpose matvec max maximum may_share_memory mean median meshgrid min
    min_scalar_type minimum mintypecode mod modf moveaxis msort multi_dot multinomial multiply multivariate_normal
    nan_to_num nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod
    nanquantile nanstd nansum nanvar ndarray ndenumerate ndim ndindex negative negative_binomial nextafter
    noncentral_chisquare noncentral_f nonzero norm normal not_equal number object_ ones ones_like outer packbits pad
    pareto partition percentile permutation permute_dims pinv place poisson poly poly1d polyadd polyder polydiv
    polyfit polyint polymul polysub polyval positive pow power prod product promote_types ptp put put_along_axis
    putmask qr quantile rad2deg radians rand randint randn random random_integers random_sample ranf ravel
    ravel_multi_index rayleigh real real_if_close recarray reciprocal remainder repeat require reshape resize
    result_type rfft rfft2 rfftfreq rfftn right_shift rint roll rollaxis roots rot90 round round_ row_stack sample
    searchsorted select setdiff1d setxor1d shape shares_memory short shuffle sign signbit signedinteger sin sinc
    single sinh size slogdet solve sometrue sort sort_complex spacing split sqrt square squeeze stack
    standard_cauchy standard_exponential standard_gamma standard_normal standard_t std str_ subtract sum svd svdvals
    swapaxes take take_along_axis tan tanh tensordot tensorinv tensorsolve tile timedelta64 trace transpose
    trapezoid trapz tri triangular tril tril_indices tril_indices_from trim_zeros triu triu_indices
    triu_indices_from true_divide trunc ubyte ufunc uint uint16 uint32 uint64 uint8 uintc uintp ulong ulonglong
    uniform union1d unique unique_all unique_counts unique_inverse unique_values unpackbits unravel_index
    unsignedinteger unstack unwrap ushort vander var vdot vecdot vecmat vector_norm void vonmises vsplit vstack wald
    weibull where zeros zeros_like zipf
    """.split()
)
"""Functions and types of NumPy."""

TORCH_NAMES = frozenset(
    """
    LinAlgError Tensor abs abs_ absolute acos acos_ acosh acosh_ adaptive_avg_pool1d adaptive_avg_pool2d
    adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool1d_with_indices adaptive_max_pool2d
    adaptive_max_pool2d_with_indices adaptive_max_pool3d adaptive_max_pool3d_with_indices add addbmm addcdiv addcmul
    addmm addmv addmv_ addr adjoint affine_grid affine_grid_generator airy_ai alias_copy all allclose alpha_dropout
    alpha_dropout_ amax amin aminmax angle any arange arccos arccos_ arccosh arccosh_ arcsin arcsin_ arcsinh
    arcsinh_ arctan arctan2 arctan_ arctanh arctanh_ argmax argmin argsort argwhere as_strided as_strided_
    as_strided_copy as_strided_scatter as_tensor asarray asin asin_ asinh asinh_ atan atan2 atan_ atanh atanh_
    avg_pool1d avg_pool2d avg_pool3d baddbmm bartlett_window batch_norm batch_norm_backward_elemt
    batch_norm_backward_reduce batch_norm_elemt batch_norm_gather_stats batch_norm_gather_stats_with_counts
    batch_norm_stats batch_norm_update_stats bernoulli bessel_j0 bessel_j1 bessel_y0 bessel_y1 bfloat16 bilinear
    binary_cross_entropy binary_cross_entropy_with_logits bincount binomial bitwise_and bitwise_left_shift
    bitwise_not bitwise_or bitwise_right_shift bitwise_xor blackman_window bmm bool broadcast_to bucketize can_cast
    cat ccol_indices_copy ceil ceil_ celu celu_ channel_shuffle chebyshev_polynomial_t chebyshev_polynomial_u
    chebyshev_polynomial_v chebyshev_polynomial_w cholesky cholesky_ex cholesky_inverse cholesky_solve
    choose_qparams_optimized chunk clamp clamp_ clamp_max clamp_max_ clamp_min clamp_min_ clip clip_ clone
    col_indices_copy column_stack combinations common_notes complex complex128 complex64 concat concatenate cond
    conj conj_physical conj_physical_ constant_pad_nd conv1d conv2d conv3d conv_tbc conv_transpose1d
    conv_transpose2d conv_transpose3d convolution copysign corrcoef cos cos_ cosh cosh_ cosine_embedding_loss
    cosine_similarity count_nonzero cov cross cross_entropy crow_indices_copy ctc_loss cummax cummin cumprod cumsum
    cumulative_trapezoid deg2rad deg2rad_ dequantize det detach detach_ detach_copy diag diag_embed diagflat
    diagonal diagonal_copy diagonal_scatter diff digamma dist div divide dot double dropout dropout1d dropout2d
    dropout3d dropout_ dsmm dsplit dstack eig eigh eigvals eigvalsh elu elu_ embedding embedding_bag
    embedding_renorm_ empty empty_like empty_permuted empty_quantized empty_strided entr eq equal erf erf_ erfc
    erfc_ erfcx erfinv exp exp2 exp2_ exp_ expand_copy expit expm1 expm1_ eye fake_quantize_per_channel_affine
    fake_quantize_per_tensor_affine feature_alpha_dropout feature_alpha_dropout_ feature_dropout feature_dropout_
    fft fft2 fftfreq fftn fftshift fill fill_ fix fix_ flatten flip fliplr flipud float float16 float32 float64
    float_power floor floor_ floor_divide fmax fmin fmod fold frac frac_ fractional_max_pool2d
    fractional_max_pool2d_with_indices fractional_max_pool3d fractional_max_pool3d_with_indices frexp frobenius_norm
    from_numpy full full_like fused_moving_avg_obs_fake_quant gammainc gammaincc gammaln gather gaussian_nll_loss
    gcd gcd_ ge gelu geqrf ger get_default_dtype get_num_interop_threads get_num_threads glu gradient greater
    greater_equal grid_sample grid_sampler grid_sampler_2d grid_sampler_3d group_norm gru gru_cell gt gumbel_softmax
    half hamming_window hann_window hardshrink hardsigmoid hardswish hardtanh hardtanh_ heaviside
    hermite_polynomial_h hermite_polynomial_he hfft hfft2 hfftn hinge_embedding_loss histc histogram histogramdd
    householder_product hsmm hsplit hspmm hstack huber_loss hypot i0 i0_ i0e i1 i1e ifft ifft2 ifftn ifftshift
    igamma igammac ihfft ihfft2 ihfftn imag index_add index_copy index_fill index_put index_put_ index_reduce
    index_select indices_copy init_num_threads inner instance_norm int16 int32 int64 int8 int_repr interpolate inv
    inv_ex inverse irfft irfft2 irfftn isclose isfinite isin isinf isnan isneginf isposinf isreal istft
    kaiser_window kl_div kron kthvalue l1_loss laguerre_polynomial_l layer_norm lcm lcm_ ldexp ldexp_ ldl_factor
    ldl_factor_ex ldl_solve le leaky_relu leaky_relu_ legendre_polynomial_p lerp less less_equal lgamma linear
    linspace local_response_norm log log10 log10_ log1p log1p_ log2 log2_ log_ log_ndtr log_softmax logaddexp
    logaddexp2 logcumsumexp logdet logical_and logical_not logical_or logical_xor logit logit_ logsigmoid logspace
    logsumexp lp_pool1d lp_pool2d lstm lstm_cell lstsq lt lu lu_factor lu_factor_ex lu_solve lu_unpack
    margin_ranking_loss masked_fill masked_scatter masked_select matmul matrix_exp matrix_norm matrix_power
    matrix_rank max max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d
    max_pool3d_with_indices max_unpool1d max_unpool2d max_unpool3d maximum mean median min minimum mish mm mode
    modified_bessel_i0 modified_bessel_i1 modified_bessel_k0 modified_bessel_k1 moveaxis movedim mse_loss msort mul
    multi_dot multi_head_attention_forward multi_margin_loss multigammaln multilabel_margin_loss
    multilabel_soft_margin_loss multinomial multiply mv mvlgamma nan_to_num nan_to_num_ nanmean nanmedian
    nanquantile nansum narrow narrow_copy native_batch_norm native_channel_shuffle native_dropout native_group_norm
    native_layer_norm native_norm ndtr ndtri ne neg neg_ negative negative_ nextafter nll_loss nonzero
    nonzero_static norm norm_except_dim normal normalize not_equal nuclear_norm numel one_hot ones ones_like orgqr
    ormqr outer pad pairwise_distance pdist permute permute_copy pinv pinverse pixel_shuffle pixel_unshuffle poisson
    poisson_nll_loss polar polygamma positive pow prelu prod promote_types psi put qr quantile quantize_per_channel
    quantize_per_tensor quantize_per_tensor_dynamic rad2deg rad2deg_ rand rand_like randint randint_like randn
    randn_like randperm range ravel real reciprocal reciprocal_ relu relu6 relu_ remainder renorm repeat_interleave
    reshape resize_as_ resize_as_sparse_ resolve_conj resolve_neg result_type rfft rfft2 rfftfreq rfftn rnn_relu
    rnn_relu_cell rnn_tanh rnn_tanh_cell roll rot90 round round_ row_indices_copy row_stack rrelu rrelu_ rsqrt
    rsqrt_ rsub saddmm scalar_tensor scaled_dot_product_attention scaled_modified_bessel_k0
    scaled_modified_bessel_k1 scatter scatter_add scatter_reduce searchsorted segment_reduce select select_copy
    select_scatter selu selu_ set_flush_denormal set_num_interop_threads set_num_threads sgn
    shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v
    shifted_chebyshev_polynomial_w sigmoid sigmoid_ sign signbit silu sin sin_ sinc sinc_ sinh sinh_ slice_copy
    slice_scatter slogdet smm smooth_l1_loss soft_margin_loss softmax softmin softplus softshrink softsign solve
    solve_ex solve_triangular sort sparse_bsc_tensor sparse_bsr_tensor sparse_compressed_tensor sparse_coo_tensor
    sparse_csc_tensor sparse_csr_tensor spherical_bessel_j0 split_copy split_with_sizes split_with_sizes_copy spmm
    sqrt sqrt_ square square_ squeeze squeeze_copy sspaddmm stack std std_mean sub subtract sum svd svdvals swapaxes
    swapdims t t_copy take take_along_dim tan tan_ tanh tanh_ tanhshrink tensor tensor_split tensorinv tensorsolve
    threshold threshold_ tile topk trace transpose transpose_copy trapezoid trapz triangular_solve tril tril_indices
    triplet_margin_loss triplet_margin_with_distance_loss triu triu_indices true_divide trunc trunc_ uint8 unbind
    unbind_copy unflatten unfold unfold_copy unique_dim unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze
    unsqueeze_copy upsample upsample_bilinear upsample_nearest values_copy vander var var_mean vdot vecdot
    vector_norm view_as_complex view_as_complex_copy view_as_real view_as_real_copy view_copy vsplit vstack where
    xlog1py xlogy xlogy_ zero_ zeros zeros_like zeta
    """.split()
)
"""Functions and types of PyTorch."""

JAX_NAMES = frozenset(
    """
    AccuracyMode ComplexWarning ConvDimensionNumbers ConvGeneralDilatedDimensionNumbers DotAlgorithm
    DotAlgorithmPreset DotDimensionNumbers EigImplementation EighImplementation FftType GatherDimensionNumbers
    GatherScatterMode Initializer OptimizeResults PRNGKey Precision PrecisionLike RaggedDotDimensionNumbers
    RandomAlgorithm RegularGridInterpolator ResizeMethod Rotation RoundingMethod ScatterDimensionNumbers Slerp
    SvdAlgorithm Tolerance abs absolute acos acosh add after_all all all_gather all_to_all allclose amax amin angle
    any append apply_along_axis apply_over_axes approx_max_k approx_min_k arange arccos arccosh arcsin arcsinh
    arctan arctan2 arctanh argmax argmin argpartition argsort argwhere around array array_equal array_equiv
    array_split asarray asin asinh associative_scan astype atan atan2 atanh atleast_1d atleast_2d atleast_3d average
    axis_index axis_size ball bartlett batch_matmul bernoulli bessel_i0e bessel_i1e bessel_jn beta betabinom betainc
    betaln bfloat16 bicgstab bincount binom binomial bitcast_convert_type bits bitwise_and bitwise_count
    bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor blackman block
    block_diag bool bool_ boxcox boxcox1p broadcast broadcast_arrays broadcast_in_dim broadcast_like
    broadcast_shapes broadcast_to broadcast_to_rank broadcasted_iota c_ can_cast categorical cauchy cbrt cdf cdouble
    ceil celu cg character chi2 chisquare cho_factor cho_solve choice cholesky cholesky_update choose circulant
    clamp clip clone cluster clz collapse column_stack comb companion complex complex128 complex64 complex_
    complexfloating composite compress concat concatenate cond conj conjugate constant conv conv_dimension_numbers
    conv_general_dilated conv_general_dilated_local conv_general_dilated_patches conv_general_permutations
    conv_general_shape_tuple conv_shape_tuple conv_transpose conv_transpose_shape_tuple conv_with_general_padding
    convert_element_type convolution_matrix convolve convolve2d copy copysign corrcoef correlate correlate2d cos
    cosh count_nonzero cov create_token cross csd csingle cumlogsumexp cummax cummin cumprod cumsum cumulative_prod
    cumulative_sum custom_linear_solve custom_root dawsn dce_sink dct dctn deg2rad degrees delete delta_orthogonal
    det detrend dft diag diag_indices diag_indices_from diagflat diagonal diff digamma digitize dirichlet div divide
    divmod dot dot_general dot_product_attention double double_sided_maxwell dsplit dstack dtype
    dynamic_index_in_dim dynamic_slice dynamic_slice_in_dim dynamic_update_index_in_dim dynamic_update_slice
    dynamic_update_slice_in_dim e ediff1d eig eigh eigh_tridiagonal eigvals eigvalsh einsum einsum_path elu empty
    empty_like entr entropy eq equal erf erf_inv erfc erfcx erfinv euler_gamma exp exp1 exp2 expand_dims expi expit
    expm expm1 expm_frechet expn expon exponential extract eye f fabs factorial fft fft2 fftconvolve fftfreq fftn
    fftshift fiedler fiedler_companion fill_diagonal finfo flatnonzero flexible flip fliplr flipud float16 float32
    float4_e2m1fn float64 float6_e2m3fn float6_e3m2fn float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn
    float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu float_ float_power floating floor floor_divide fmax
    fmin fmod fold_in fori_loop fresnel frexp full full_like funm gamma gammainc gammaincc gammaln gammasgn gather
    gaussian_kde gcd ge gelu generalized_normal generic gennorm geom geometric geomspace
    get_scaled_dot_general_config glorot_normal glorot_uniform glu gmres gradient greater greater_equal gt gumbel
    gumbel_l gumbel_r hadamard hamming hankel hanning hard_sigmoid hard_silu hard_swish hard_tanh he_normal
    he_uniform heaviside helmert hessenberg hfft hilbert histogram histogram2d histogram_bin_edges histogramdd
    householder_product hsplit hstack hyp1f1 hyp2f1 hypot i0 i0e i1 i1e idct idctn identity ifft ifft2 ifftn
    ifftshift igamma igamma_grad_a igammac ihfft iinfo imag index_exp index_in_dim index_take indices inexact inf
    initializers inner insert int1 int16 int2 int32 int4 int64 int8 int_ integer integer_pow integrate interp
    interpolate intersect1d inv invert invhilbert invpascal iota irfft irfft2 irfftn is_finite isclose iscomplex
    iscomplexobj isdtype isf isfinite isin isinf isnan isneginf isposinf isreal isrealobj isscalar issubdtype istft
    iterable ix_ kaiming_normal kaiming_uniform kaiser key key_data key_dtype key_impl kl_div kron laplace lcm ldexp
    le leaky_relu lecun_normal lecun_uniform left_shift leslie less less_equal lexsort lgamma linalg linspace log
    log10 log1mexp log1p log2 log_ndtr log_sigmoid log_softmax logaddexp logaddexp2 logcdf loggamma logical_and
    logical_not logical_or logical_xor logistic logit logmeanexp lognormal logpdf logpmf logsf logspace logsumexp
    lstsq lt lu lu_factor lu_pivots_to_permutation lu_solve map map_coordinates mask_indices matmul matrix_norm
    matrix_power matrix_rank matrix_transpose matvec max maximum maxwell mean median meshgrid mgrid min minimize
    minimum mish mod mode modf moveaxis mul mulhi multi_dot multigammaln multinomial multiply multivariate_normal
    nan nan_to_num nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod
    nanquantile nanstd nansum nanvar nbinom ndarray ndim ndimage ndtr ndtri ne neg negative newaxis nextafter
    nonzero norm normal not_equal number object_ ogrid one_hot ones ones_like optimization_barrier ormqr orthogonal
    outer owens_t packbits pad padtype_to_pads pareto partition pascal pbroadcast pcast pdf percentile permutation
    permute_dims pi pinv place platform_dependent pmax pmean pmf pmin poch poisson polar poly polyadd polyder
    polydiv polyfit polygamma polyint polymul polysub polyval population_count positive pow power ppermute ppf precv
    prod promote_types psend pshuffle psum psum_scatter pswapaxes ptp put put_along_axis qdwh qr qr_multiply
    quantile r_ rad2deg rademacher radians ragged_all_to_all ragged_dot ragged_dot_general randint random_gamma_grad
    rankdata ravel ravel_multi_index rayleigh real reciprocal reduce reduce_and reduce_max reduce_min reduce_or
    reduce_precision reduce_prod reduce_sum reduce_window reduce_window_shape_tuple reduce_xor
    register_jax_array_methods rel_entr relu relu6 rem remainder repeat reshape resize result_type rev rfft rfft2
    rfftfreq rfftn right_shift rint rng_bit_generator rng_uniform roll rollaxis roots rot90 round rsf2csf rsqrt s_
    scale_and_translate scaled_dot scaled_dot_general scaled_matmul scan scatter scatter_add scatter_apply
    scatter_max scatter_min scatter_mul scatter_sub schur searchsorted select select_n selu sem setdiff1d setxor1d
    sf shape shape_as_value shift_left shift_right_arithmetic shift_right_logical sici sigmoid sign signal signbit
    signedinteger silu sin sinc single sinh size slice slice_in_dim slogdet soft_sign softmax softplus solve
    solve_sylvester solve_triangular sort sort_complex sort_key_val spacing sparse sparse_plus sparse_sigmoid
    special spence sph_harm_y split sqrt sqrtm square squareplus squeeze stack stage standardize stats std stft
    stop_gradient sub subtract sum svd svdvals swapaxes swish switch symmetric_product t take take_along_axis tan
    tanh tensordot tensorinv tensorsolve tile toeplitz top_k trace transpose trapezoid tri triangular
    triangular_solve tridiagonal tridiagonal_solve tril tril_indices tril_indices_from trim_zeros triu triu_indices
    triu_indices_from true_divide trunc truncated_normal truncnorm ufunc uint uint1 uint16 uint2 uint32 uint4 uint64
    uint8 uniform union1d unique unique_all unique_counts unique_inverse unique_values unpackbits unravel_index
    unsignedinteger unstack unwrap vander var variance_scaling vdot vecdot vecmat vector_norm vonmises vq vsplit
    vstack wald weibull_min welch where while_loop with_sharding_constraint wofz wrap_key_data wrapcauchy
    xavier_normal xavier_uniform xlog1py xlogy zeros zeros_like zeta
    """.split()
)
"""Functions of JAX."""
