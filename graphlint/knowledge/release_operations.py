"""What each released Keras 3 has of plain operations (``x + y``, ``keras.ops.*``), and the arguments of each.

A line is ``module.Class:releases argument:releases ...``, in the form that `graphlint.knowledge.releases` reads.
"""

OPERATIONS = """
core.AssociativeScan:3.5- axis:3.11- name:3.11- reverse
core.Cast dtype name:3.11-
core.Cond dtype:3.1-3.10 name
core.ConvertToTensor:3.7- dtype name:3.11- ragged:3.11- sparse
core.ForiLoop body_fun lower name:3.11- upper
core.Map:3.4- name:3.11-
core.SaturateCast:3.6- dtype name:3.11-
core.Scan:3.4- length:3.11- name:3.11- reverse unroll
core.Scatter dtype:3.1-3.10 name shape:3.11-
core.ScatterUpdate dtype:3.1-3.10 name reduction:3.14-
core.Slice dtype:3.1-3.10 name shape:3.11-
core.SliceUpdate dtype:3.1-3.10 name
core.StopGradient name:3.11-
core.Switch:3.4- dtype:-3.10 name
core.Unstack axis name:3.11- num
core.VectorizedMap:3.11- function name
core.WhileLoop body cond maximum_iterations name:3.11-
einops.Rearrange:3.9- dtype:-3.10 name
function.Function inputs name outputs
image.AffineTransform data_format fill_mode fill_value interpolation name:3.11-
image.CropImages:3.1- bottom_cropping data_format:3.4- left_cropping name:3.11- right_cropping target_height
  target_width top_cropping
image.ElasticTransform:3.10- alpha data_format fill_mode fill_value interpolation name:3.11- seed sigma
image.ExtractPatches data_format dilation_rate name:3.11- padding size strides
image.ExtractPatches3D:3.12-3.13 data_format dilation_rate name padding size strides
image.GaussianBlur:3.9- data_format kernel_size name:3.11- sigma
image.HSVToRGB:3.4- data_format name:3.11-
image.MapCoordinates fill_mode fill_value name:3.11- order
image.PadImages bottom_padding data_format:3.4- left_padding name:3.11- right_padding target_height target_width
  top_padding
image.PerspectiveTransform:3.9- data_format fill_value interpolation name:3.11-
image.RGBToGrayscale:3.3- data_format name:3.11-
image.RGBToHSV:3.4- data_format name:3.11-
image.Resize antialias crop_to_aspect_ratio:3.3- data_format fill_mode:3.3- fill_value:3.3- interpolation name:3.11-
  pad_to_aspect_ratio:3.3- size
image.SSIM:3.15- data_format filter_sigma filter_size k1 k2 max_val name
image.ScaleAndTranslate:3.12- antialias method name spatial_dims
image.SobelEdges:3.15- data_format name
linalg.Cholesky name:3.11- upper:3.12-
linalg.CholeskyInverse:3.12- name upper
linalg.Det name:3.11-
linalg.Eig name:3.11-
linalg.Eigh:3.3- name:3.11-
linalg.Inv name:3.11-
linalg.JVP:3.12- has_aux name
linalg.Lstsq:3.4- name:3.11- rcond
linalg.LuFactor name:3.11-
linalg.MatrixRank:3.15- name tol
linalg.Norm axis keepdims name:3.11- ord
linalg.Pinv:3.15- name rcond
linalg.Qr mode name:3.11-
linalg.SVD compute_uv full_matrices name:3.11-
linalg.Solve name:3.11-
linalg.SolveTriangular lower name:3.11-
math.CDist:3.15- name
math.Erf dtype:3.1-3.10 name
math.Erfc:3.15- name
math.Erfinv dtype:3.1-3.10 name
math.ExtractSequences name:3.11- sequence_length sequence_stride
math.FFT axis:-3.10 name:3.11-
math.FFT2 name:3.11-
math.IFFT2:3.7- name:3.11-
math.IRFFT fft_length name:3.11-
math.ISTFT center fft_length length name:3.11- sequence_length sequence_stride window
math.InTopK k name:3.11-
math.Logdet:3.6- name:3.11-
math.Logsumexp axis keepdims name:3.11-
math.RFFT fft_length name:3.11-
math.Rsqrt dtype:3.1-3.10 name
math.STFT center fft_length name:3.11- sequence_length sequence_stride window
math.SegmentMax name:3.11- num_segments sorted
math.SegmentMin:3.15- name num_segments sorted
math.SegmentProd:3.15- name num_segments sorted
math.SegmentReduction:3.5- name:3.11- num_segments sorted
math.SegmentSum name:3.11- num_segments sorted
math.TopK k name:3.11- sorted
math.ViewAsComplex:3.10- dtype:-3.10 name
math.ViewAsReal:3.10- dtype:-3.10 name
nn.AdaptiveAveragePool:3.13- data_format name output_size
nn.AdaptiveMaxPool:3.13- data_format name output_size
nn.AveragePool data_format name:3.11- padding pool_size strides
nn.BatchNorm axis epsilon name:-3.1,3.11-
nn.BinaryCrossentropy from_logits name:3.11-
nn.CTCDecode:3.3- beam_width mask_index merge_repeated name:3.11- strategy top_paths
nn.CTCLoss:3.3- mask_index name:3.11-
nn.CategoricalCrossentropy axis from_logits name:3.11-
nn.Celu:3.7- alpha name:3.11-
nn.Conv data_format dilation_rate name:3.11- padding strides
nn.ConvTranspose data_format dilation_rate name:3.11- output_padding padding strides
nn.CtcLoss:3.0-3.2 mask_index
nn.DepthToSpace:3.14- block_size data_format name
nn.DepthwiseConv data_format dilation_rate name:3.11- padding strides
nn.DotProductAttention:3.6- attn_logits_soft_cap:3.11- flash_attention:3.11- is_causal name:3.11-
nn.Elu alpha name:3.11-
nn.Fold:3.14- dilation kernel_size name output_size padding stride
nn.Gelu approximate name:3.11-
nn.Glu:3.7- axis name:3.11-
nn.HardShrink:3.7- name:3.11- threshold
nn.HardSigmoid dtype:3.1-3.10 name
nn.HardSilu dtype:3.1-3.10 name
nn.HardTanh:3.7- name:3.11-
nn.LayerNorm:3.11- axis epsilon name rms_scaling
nn.LeakyRelu name:3.11- negative_slope
nn.LogSigmoid dtype:3.1-3.10 name
nn.LogSoftmax axis name:3.11-
nn.MaxPool data_format name:3.11- padding pool_size strides
nn.Moments axes keepdims name:-3.1,3.11- synchronized
nn.MultiHot axis dtype name num_classes sparse:3.2-
nn.Normalize axis epsilon:3.6- name:3.11- order
nn.OneHot axis dtype name:3.11- num_classes sparse:3.2-
nn.PSNR:3.3- max_val name:3.11-
nn.Polar:3.9- name:3.11-
nn.RMSNorm:3.9- axis epsilon name:3.11- scale:-3.10
nn.Relu dtype:3.1-3.10 name
nn.Relu6 dtype:3.1-3.10 name
nn.Selu dtype:3.1-3.10 name
nn.SeparableConv data_format dilation_rate name:3.11- padding strides
nn.Sigmoid dtype:3.1-3.10 name
nn.Silu dtype:3.1-3.10 name
nn.SoftShrink:3.7- name:3.11- threshold
nn.Softmax axis name:3.11-
nn.Softplus dtype:3.1-3.10 name
nn.Softsign dtype:3.1-3.10 name
nn.SpaceToDepth:3.14- block_size data_format name
nn.SparseCategoricalCrossentropy axis from_logits name:3.11-
nn.SparsePlus:3.8- dtype:-3.10 name
nn.SparseSigmoid:3.10- dtype:-3.10 name
nn.Sparsemax:3.8- axis name:3.11-
nn.Squareplus:3.7- b name:3.11-
nn.TanhShrink:3.7- name:3.11-
nn.Threshold:3.8- default_value:3.11- name:3.11- threshold:3.11- threshold_value:-3.10 value:-3.10
nn.Unfold:3.12- dilation kernel_size name padding stride
numpy.Abs dtype:3.1-3.10 name
numpy.Absolute dtype:3.1-3.10 name
numpy.Add dtype:3.1-3.10 name
numpy.All axis keepdims name:3.11-
numpy.AllClose:3.14- atol equal_nan name rtol
numpy.Amax axis keepdims name:3.11-
numpy.Amin axis keepdims name:3.11-
numpy.Angle:3.10- dtype:-3.10 name
numpy.Any axis keepdims name:3.11-
numpy.Append axis name:3.11-
numpy.Arange dtype:3.1- name
numpy.Arccos dtype:3.1-3.10 name
numpy.Arccosh dtype:3.1-3.10 name
numpy.Arcsin dtype:3.1-3.10 name
numpy.Arcsinh dtype:3.1-3.10 name
numpy.Arctan dtype:3.1-3.10 name
numpy.Arctan2 dtype:3.1-3.10 name
numpy.Arctanh dtype:3.1-3.10 name
numpy.Argmax axis keepdims:3.3- name:3.11-
numpy.Argmin axis keepdims:3.3- name:3.11-
numpy.Argpartition:3.4- axis kth name:3.11-
numpy.Argsort axis name:3.11-
numpy.Array dtype:3.1- name
numpy.ArraySplit:3.13- axis indices_or_sections name
numpy.Average axis name:3.11-
numpy.Bartlett:3.10-3.14 dtype:-3.10 name
numpy.Bincount minlength name:3.11- sparse:3.2- weights
numpy.BitwiseAnd:3.6- name:3.11-
numpy.BitwiseInvert:3.6- name:3.11-
numpy.BitwiseLeftShift:3.6- name:3.11-
numpy.BitwiseNot:3.6- name:3.11-
numpy.BitwiseOr:3.6- name:3.11-
numpy.BitwiseRightShift:3.6- name:3.11-
numpy.BitwiseXor:3.6- name:3.11-
numpy.Blackman:3.10-3.14 dtype:-3.10 name
numpy.BroadcastTo name:3.11- shape
numpy.Cbrt:3.11- name
numpy.Ceil dtype:3.1-3.10 name
numpy.Clip name:3.11- x_max x_min
numpy.Concatenate axis name:3.11-
numpy.Conj dtype:3.1-3.10 name
numpy.Conjugate dtype:3.1-3.10 name
numpy.Copy dtype:3.1-3.10 name
numpy.Corrcoef:3.11- name
numpy.Correlate:3.2- mode name:3.11-
numpy.Cos dtype:3.1-3.10 name
numpy.Cosh dtype:3.1-3.10 name
numpy.CountNonzero axis name:3.11-
numpy.Cross axis axisa axisb axisc name:3.11-
numpy.Cumprod axis dtype name:3.11-
numpy.Cumsum axis dtype name:3.11-
numpy.Deg2rad:3.11- name
numpy.Diag k name:3.11-
numpy.Diagflat:3.8- k name:3.11-
numpy.Diagonal axis1 axis2 name:3.11- offset
numpy.Diff axis n name:3.11-
numpy.Digitize dtype:3.1-3.10 name
numpy.Divide dtype:3.1-3.10 name
numpy.DivideNoNan dtype:3.1-3.10 name
numpy.Dot dtype:3.1-3.10 name
numpy.Dsplit:3.15- indices_or_sections name
numpy.Dstack:3.14- name
numpy.Einsum name:3.11- subscripts
numpy.Empty:3.0-3.10 dtype:3.1- name
numpy.EmptyLike:3.13- dtype name
numpy.Equal dtype:3.1-3.10 name
numpy.Exp dtype:3.1-3.10 name
numpy.Exp2:3.7- dtype:-3.10 name
numpy.ExpandDims axis name:3.11-
numpy.Expm1 dtype:3.1-3.10 name
numpy.Eye:3.0-3.10 dtype:3.1- k:3.3- name:-3.2
numpy.Fabs:3.15- name
numpy.Flip axis name:3.11-
numpy.Fliplr:3.14- name
numpy.Flipud:3.14- name
numpy.Floor dtype:3.1-3.10 name
numpy.FloorDivide dtype:3.1-3.10 name
numpy.Fmax:3.15- name
numpy.Fmin:3.15- name
numpy.Fmod:3.14- name
numpy.Full dtype:3.1- name shape:3.11-
numpy.FullLike dtype:3.1- name
numpy.Gcd:3.12- name
numpy.Geomspace:3.14- axis dtype endpoint name num
numpy.GetItem dtype:3.1-3.10 name
numpy.Greater dtype:3.1-3.10 name
numpy.GreaterEqual dtype:3.1-3.10 name
numpy.Hamming:3.10-3.14 dtype:-3.10 name
numpy.Hanning:3.11-3.14 name
numpy.Heaviside:3.11- name
numpy.Histogram:3.6- bins name:3.11- range
numpy.Hsplit:3.14- indices_or_sections name
numpy.Hstack dtype:3.1-3.10 name
numpy.Hypot:3.12- name
numpy.I0:3.14- name
numpy.Identity:3.0-3.10 dtype:3.1- name
numpy.Imag dtype:3.1-3.10 name
numpy.Inner:3.7- dtype:-3.10 name
numpy.IsIn:3.12- assume_unique invert name
numpy.Isclose dtype:3.1-3.10 equal_nan:3.11- name
numpy.Isfinite dtype:3.1-3.10 name
numpy.Isinf dtype:3.1-3.10 name
numpy.Isnan dtype:3.1-3.10 name
numpy.Isneginf:3.12- name
numpy.Isposinf:3.12- name
numpy.Isreal:3.12- name
numpy.Kaiser:3.11-3.14 beta name
numpy.Kron:3.12- name
numpy.Lcm:3.12- name
numpy.Ldexp:3.13- name
numpy.LeftShift:3.6- name:3.11-
numpy.Less dtype:3.1-3.10 name
numpy.LessEqual dtype:3.1-3.10 name
numpy.Linspace axis dtype endpoint name:3.11- num retstep
numpy.Log dtype:3.1-3.10 name
numpy.Log10 dtype:3.1-3.10 name
numpy.Log1p dtype:3.1-3.10 name
numpy.Log2 dtype:3.1-3.10 name
numpy.Logaddexp dtype:3.1-3.10 name
numpy.Logaddexp2:3.12- name
numpy.LogicalAnd dtype:3.1-3.10 name
numpy.LogicalNot dtype:3.1-3.10 name
numpy.LogicalOr dtype:3.1-3.10 name
numpy.LogicalXor dtype:3.1-3.10 name
numpy.Logspace axis base dtype endpoint name:3.11- num
numpy.Matmul dtype:3.1-3.10 name
numpy.Max axis initial keepdims name:3.11-
numpy.Maximum dtype:3.1-3.10 name
numpy.Mean axis keepdims name:3.11-
numpy.Median axis keepdims name:3.11-
numpy.Meshgrid indexing name:3.11-
numpy.Min axis initial keepdims name:3.11-
numpy.Minimum dtype:3.1-3.10 name
numpy.Mod dtype:3.1-3.10 name
numpy.Moveaxis destination name:3.11- source
numpy.Multiply dtype:3.1-3.10 name
numpy.NanToNum dtype:3.1-3.2 name:-3.2,3.11- nan:3.3- neginf:3.3- posinf:3.3-
numpy.Nanargmax:3.14- axis keepdims name
numpy.Nanargmin:3.14- axis keepdims name
numpy.Nancumprod:3.14- axis dtype name
numpy.Nancumsum:3.14- axis dtype name
numpy.Nanmax:3.14- axis keepdims name
numpy.Nanmean:3.14- axis keepdims name
numpy.Nanmedian:3.14- axis keepdims name
numpy.Nanmin:3.14- axis keepdims name
numpy.Nanpercentile:3.15- axis keepdims method name
numpy.Nanprod:3.14- axis keepdims name
numpy.Nanquantile:3.14- axis keepdims method name
numpy.Nanstd:3.14- axis keepdims name
numpy.Nansum:3.14- axis keepdims name
numpy.Nanvar:3.14- axis keepdims name
numpy.Ndim dtype:3.1-3.10 name
numpy.Negative dtype:3.1-3.10 name
numpy.Nextafter:3.14- name
numpy.Nonzero dtype:3.1-3.10 name
numpy.NotEqual dtype:3.1-3.10 name
numpy.Ones:3.0-3.10 dtype:3.1- name
numpy.OnesLike dtype:3.1- name
numpy.Outer dtype:3.1-3.10 name
numpy.Pad mode name:3.11- pad_width
numpy.Percentile:3.15- axis keepdims method name
numpy.Power dtype:3.1-3.10 name
numpy.Prod axis dtype keepdims name:3.11-
numpy.Ptp:3.14- axis keepdims name
numpy.Quantile axis keepdims method name:3.11-
numpy.Rad2deg:3.14- name
numpy.Ravel dtype:3.1-3.10 name
numpy.Real dtype:3.1-3.10 name
numpy.Reciprocal dtype:3.1-3.10 name
numpy.Repeat axis name:3.11- repeats
numpy.Reshape name:3.11- newshape
numpy.RightShift:3.6- name:3.11-
numpy.Roll axis name:3.11- shift
numpy.Rot90:3.9- axes k name:3.11-
numpy.Round decimals name:3.11-
numpy.SearchSorted:3.5- dtype:-3.10 name side:3.11-
numpy.Select:3.3- name:3.11-
numpy.Sign dtype:3.1-3.10 name
numpy.Signbit:3.9- dtype:-3.10 name
numpy.Sin dtype:3.1-3.10 name
numpy.Sinc:3.14- name
numpy.Sinh dtype:3.1-3.10 name
numpy.Size dtype:3.1-3.10 name
numpy.Slogdet:3.3- name:3.11-
numpy.Sort axis name:3.11-
numpy.Split axis indices_or_sections name:3.11-
numpy.Sqrt dtype:3.1-3.10 name
numpy.Square dtype:3.1-3.10 name
numpy.Squeeze axis name:3.11-
numpy.Stack axis name:3.11-
numpy.Std axis keepdims name:3.11-
numpy.Subtract dtype:3.1-3.10 name
numpy.Sum axis keepdims name:3.11-
numpy.Swapaxes axis1 axis2 name:3.11-
numpy.Take axis name:3.11-
numpy.TakeAlongAxis axis name:3.11-
numpy.Tan dtype:3.1-3.10 name
numpy.Tanh dtype:3.1-3.10 name
numpy.Tensordot axes name:3.11-
numpy.Tile name:3.11- repeats
numpy.Trace axis1 axis2 name:3.11- offset
numpy.Transpose axes name:3.11-
numpy.Trapezoid:3.12- axis dx name x
numpy.Tri:3.0-3.10 dtype:3.1- k:3.3- name:-3.2
numpy.Tril k name:3.11-
numpy.Triu k name:3.11-
numpy.TrueDivide dtype:3.1-3.10 name
numpy.Trunc:3.6- name:3.11-
numpy.Unique:3.15- axis fill_value name return_counts return_index return_inverse size sorted
numpy.UnravelIndex:3.8- name:3.11- shape
numpy.Vander:3.13- N increasing name
numpy.Var axis keepdims name:3.11-
numpy.Vdot dtype:3.1-3.10 name
numpy.View:3.12- dtype name
numpy.Vsplit:3.14- indices_or_sections name
numpy.Vstack dtype:3.1-3.10 name
numpy.Where dtype:3.1-3.10 name
numpy.Zeros:3.0-3.10 dtype:3.1- name
numpy.ZerosLike dtype:3.1- name
"""
