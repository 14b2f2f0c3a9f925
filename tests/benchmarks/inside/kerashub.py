"""KerasHub's architectures, built small: two layers, narrow, random weights.

`MODELS` is name -> a function that builds one; it needs `keras-hub` (0.32 was used) and downloads nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import keras_hub

Build = Callable[[], keras.Model]
hub = keras_hub.models
MODELS: dict[str, Build] = {}
SIZES = {"siglip": 12, "parseq": 7, "moonshine": 1024}
"""The free dimensions of inputs that are only accepted with one size, or from some size on."""

ENCODER = {"vocabulary_size": 64, "num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32}
SHORT = {**ENCODER, "max_sequence_length": 12}
DECODER = {
    "vocabulary_size": 64,
    "num_layers": 2,
    "num_query_heads": 4,
    "num_key_value_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 32,
}
IMAGE = (32, 32, 3)


def register(name: str) -> Callable[[Build], Build]:
    def keep(build: Build) -> Build:
        MODELS[name] = build
        return build

    return keep


def plain(name: str, make: Any, **arguments: Any) -> None:
    MODELS[name] = lambda: make(**arguments)


# -- text encoders ------------------------------------------------------------------------------------------------

plain("albert", hub.AlbertBackbone, **SHORT, embedding_dim=8)
plain("bert", hub.BertBackbone, **SHORT)
plain("deberta_v3", hub.DebertaV3Backbone, **SHORT, bucket_size=8)
plain("distil_bert", hub.DistilBertBackbone, **SHORT)
plain(
    "electra",
    hub.ElectraBackbone,
    vocab_size=64,
    num_layers=2,
    num_heads=2,
    hidden_dim=16,
    embedding_dim=16,
    intermediate_dim=32,
    max_sequence_length=12,
)
plain("esm", hub.ESMBackbone, **SHORT)
plain("f_net", hub.FNetBackbone, **{key: value for key, value in SHORT.items() if key != "num_heads"})
plain("roberta", hub.RobertaBackbone, **SHORT)
plain("roformer_v2", hub.RoformerV2Backbone, **ENCODER, head_size=8)
plain("xlm_roberta", hub.XLMRobertaBackbone, **SHORT)
plain("xlnet", hub.XLNetBackbone, **ENCODER)

# -- text decoders ------------------------------------------------------------------------------------------------

plain("bloom", hub.BloomBackbone, **ENCODER)
plain(
    "falcon",
    hub.FalconBackbone,
    vocabulary_size=64,
    num_layers=2,
    num_attention_heads=2,
    hidden_dim=16,
    intermediate_dim=32,
)
plain("gemma", hub.GemmaBackbone, **DECODER, head_dim=4)
plain(
    "gemma2",
    hub.GemmaBackbone,
    **DECODER,
    head_dim=4,
    use_post_ffw_norm=True,
    use_post_attention_norm=True,
    attention_logit_soft_cap=50.0,
    final_logit_soft_cap=30.0,
    use_sliding_window_attention=True,
    sliding_window_size=8,
)
plain("gemma3_text", hub.Gemma3Backbone, **DECODER, head_dim=4, image_size=16)
plain("gpt2", hub.GPT2Backbone, **SHORT)
plain("gpt_neo_x", hub.GPTNeoXBackbone, **SHORT)
plain("gpt_oss", hub.GptOssBackbone, **DECODER, num_experts=4, sliding_window=8)
plain("llama", hub.LlamaBackbone, **DECODER)
plain("llama3", hub.Llama3Backbone, **DECODER)
plain("mistral", hub.MistralBackbone, **DECODER, sliding_window=8)
plain("mixtral", hub.MixtralBackbone, **DECODER, num_experts=4, sliding_window=8)
plain("opt", hub.OPTBackbone, **SHORT)
plain("phi3", hub.Phi3Backbone, **DECODER)
plain("qwen", hub.QwenBackbone, **DECODER)
plain("qwen3", hub.Qwen3Backbone, **DECODER, head_dim=4)
plain(
    "qwen_moe",
    hub.QwenMoeBackbone,
    **DECODER,
    moe_intermediate_dim=16,
    shared_expert_intermediate_dim=16,
    num_experts=4,
    top_k=2,
)
plain("qwen3_moe", hub.Qwen3MoeBackbone, **DECODER, moe_intermediate_dim=16, num_experts=4, top_k=2, head_dim=4)
plain(
    "rwkv7",
    hub.RWKV7Backbone,
    hidden_size=16,
    head_size=8,
    num_layers=2,
    vocabulary_size=64,
    intermediate_dim=32,
    gate_lora=4,
    mv_lora=4,
    aaa_lora=4,
    decay_lora=4,
)
SMOL = {
    "vocabulary_size": 64,
    "hidden_dim": 16,
    "intermediate_dim": 32,
    "num_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "rope_layer_enabled_list": [True, False],
    "layer_types": ["full_attention", "full_attention"],
    "mlp_bias": False,
    "layer_norm_epsilon": 1e-6,
    "max_position_embeddings": 32,
    "rope_theta": 10_000.0,
    "partial_rotary_factor": 1.0,
}
plain("smol_lm3", hub.SmolLM3Backbone, **SMOL)

# -- sequence to sequence -----------------------------------------------------------------------------------------

plain("bart", hub.BartBackbone, **SHORT)
plain("t5", hub.T5Backbone, **ENCODER)
plain(
    "moonshine",
    hub.MoonshineBackbone,
    vocabulary_size=64,
    filter_dim=16,
    encoder_num_layers=2,
    decoder_num_layers=2,
    hidden_dim=16,
    intermediate_dim=32,
    encoder_num_heads=2,
    decoder_num_heads=2,
)
plain(
    "whisper",
    hub.WhisperBackbone,
    **ENCODER,
    num_mels=8,
    max_encoder_sequence_length=12,
    max_decoder_sequence_length=12,
)

# -- images -------------------------------------------------------------------------------------------------------

plain(
    "csp_dark_net",
    hub.CSPNetBackbone,
    stem_filters=8,
    stem_kernel_size=3,
    stem_strides=1,
    stem_padding="same",
    stackwise_depth=[1, 3],
    stackwise_strides=[2, 2],
    stackwise_num_filters=[32, 64],
    expand_ratio=[2.0, 1.0],
    bottle_ratio=[0.5, 1.0],
    block_ratio=[1.0, 0.5],
    block_type="dark_block",
    stage_type="csp",
    image_shape=IMAGE,
)
plain(
    "deit",
    hub.DeiTBackbone,
    image_shape=IMAGE,
    patch_size=8,
    num_layers=2,
    num_heads=2,
    hidden_dim=16,
    intermediate_dim=32,
)
plain("dense_net", hub.DenseNetBackbone, stackwise_num_repeats=[1, 2], growth_rate=4, image_shape=IMAGE)
plain(
    "dino_v2",
    hub.DINOV2Backbone,
    patch_size=8,
    num_layers=2,
    hidden_dim=16,
    num_heads=2,
    intermediate_dim=32,
    image_shape=IMAGE,
    position_embedding_shape=IMAGE,
)
plain(
    "dino_v3",
    hub.DINOV3Backbone,
    patch_size=8,
    num_layers=2,
    hidden_dim=16,
    num_heads=2,
    intermediate_dim=32,
    image_shape=IMAGE,
)
plain(
    "hg_net_v2",
    hub.HGNetV2Backbone,
    depths=[1, 1],
    embedding_size=8,
    hidden_sizes=[16, 32],
    stem_channels=[3, 8, 8],
    hidden_act="relu",
    use_learnable_affine_block=True,
    stackwise_stage_filters=[[8, 8, 16, 1, 2, 3], [16, 8, 32, 1, 2, 3]],
    apply_downsample=[False, True],
    use_lightweight_conv_block=[False, True],
    image_shape=IMAGE,
)
plain(
    "mi_t",
    hub.MiTBackbone,
    layerwise_depths=[1, 1],
    num_layers=2,
    layerwise_num_heads=[1, 2],
    layerwise_sr_ratios=[2, 1],
    max_drop_path_rate=0.1,
    layerwise_patch_sizes=[7, 3],
    layerwise_strides=[4, 2],
    hidden_dims=[8, 16],
    image_shape=IMAGE,
)
plain(
    "res_net",
    hub.ResNetBackbone,
    input_conv_filters=[8],
    input_conv_kernel_sizes=[7],
    stackwise_num_filters=[64, 64],
    stackwise_num_blocks=[1, 2],
    stackwise_num_strides=[1, 2],
    block_type="bottleneck_block",
    image_shape=IMAGE,
)
plain(
    "swin",
    hub.SwinTransformerBackbone,
    image_shape=IMAGE,
    embed_dim=16,
    depths=[2, 2],
    num_heads=[2, 4],
    window_size=4,
    patch_size=2,
)
plain("vgg", hub.VGGBackbone, stackwise_num_repeats=[1, 1], stackwise_num_filters=[8, 16], image_shape=IMAGE)
plain("vit", hub.ViTBackbone, image_shape=IMAGE, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32)
plain(
    "vit_det",
    hub.ViTDetBackbone,
    hidden_size=16,
    num_layers=2,
    intermediate_dim=32,
    num_heads=2,
    global_attention_layer_indices=[1],
    image_shape=IMAGE,
    patch_size=8,
    num_output_channels=8,
    window_size=2,
)
plain(
    "xception",
    hub.XceptionBackbone,
    stackwise_conv_filters=[[8, 8], [16, 16]],
    stackwise_pooling=[True, False],
    image_shape=IMAGE,
)


def _vit_encoder() -> keras.Model:
    return hub.ViTBackbone(
        image_shape=IMAGE, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, use_class_token=False
    )


@register("parseq")
def parseq() -> keras.Model:
    return hub.PARSeqBackbone(
        image_encoder=_vit_encoder(),
        vocabulary_size=20,
        max_label_length=6,
        decoder_hidden_dim=16,
        num_decoder_layers=1,
        num_decoder_heads=2,
        decoder_mlp_dim=32,
    )


@register("seg_former")
def seg_former() -> keras.Model:
    return hub.SegFormerBackbone(image_encoder=MODELS["mi_t_pyramid"](), projection_filters=16)


plain(
    "mi_t_pyramid",
    hub.MiTBackbone,
    layerwise_depths=[1, 1, 1, 1],
    num_layers=4,
    layerwise_num_heads=[1, 2, 2, 2],
    layerwise_sr_ratios=[4, 2, 1, 1],
    max_drop_path_rate=0.1,
    layerwise_patch_sizes=[7, 3, 3, 3],
    layerwise_strides=[4, 2, 2, 2],
    hidden_dims=[8, 12, 16, 20],
    image_shape=(64, 64, 3),
)


@register("deep_lab_v3")
def deep_lab_v3() -> keras.Model:
    encoder = hub.ResNetBackbone(
        input_conv_filters=[8],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 64, 64, 64],
        stackwise_num_blocks=[1, 1, 1, 1],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="bottleneck_block",
        image_shape=(64, 64, 3),
    )
    return hub.DeepLabV3Backbone(
        image_encoder=encoder,
        low_level_feature_key="P2",
        spatial_pyramid_pooling_key="P4",
        upsampling_size=4,
        dilation_rates=[2, 4],
        projection_filters=8,
        image_shape=(64, 64, 3),
    )


# -- images and text ----------------------------------------------------------------------------------------------

plain(
    "pali_gemma",
    hub.PaliGemmaBackbone,
    **DECODER,
    head_dim=4,
    image_size=16,
    vit_patch_size=8,
    vit_num_heads=2,
    vit_hidden_dim=16,
    vit_num_layers=2,
    vit_intermediate_dim=32,
)


@register("clip")
def clip() -> keras.Model:
    from keras_hub.src.models.clip.clip_text_encoder import CLIPTextEncoder
    from keras_hub.src.models.clip.clip_vision_encoder import CLIPVisionEncoder

    vision = CLIPVisionEncoder(
        patch_size=8, hidden_dim=16, num_layers=2, num_heads=2, intermediate_dim=32, image_shape=IMAGE
    )
    text = CLIPTextEncoder(
        vocabulary_size=64,
        embedding_dim=16,
        hidden_dim=16,
        num_layers=2,
        num_heads=2,
        intermediate_dim=32,
        max_sequence_length=12,
    )
    return hub.CLIPBackbone(vision, text, projection_dim=16)


@register("siglip")
def siglip() -> keras.Model:
    from keras_hub.src.models.siglip.siglip_text_encoder import SigLIPTextEncoder
    from keras_hub.src.models.siglip.siglip_vision_encoder import SigLIPVisionEncoder

    vision = SigLIPVisionEncoder(
        patch_size=8, hidden_dim=16, num_layers=2, num_heads=2, intermediate_dim=32, image_shape=IMAGE
    )
    text = SigLIPTextEncoder(
        vocabulary_size=64,
        embedding_dim=16,
        hidden_dim=16,
        num_layers=2,
        num_heads=2,
        intermediate_dim=32,
        max_sequence_length=12,
    )
    return hub.SigLIPBackbone(vision, text)


@register("sam")
def sam() -> keras.Model:
    encoder = hub.ViTDetBackbone(
        hidden_size=16,
        num_layers=2,
        intermediate_dim=32,
        num_heads=2,
        global_attention_layer_indices=[1],
        image_shape=(64, 64, 3),
        patch_size=8,
        num_output_channels=8,
        window_size=2,
    )
    prompt = keras_hub.layers.SAMPromptEncoder(
        hidden_size=8, image_embedding_size=(8, 8), input_image_size=(64, 64), mask_in_channels=8
    )
    decoder = keras_hub.layers.SAMMaskDecoder(
        num_layers=2,
        hidden_size=8,
        intermediate_dim=16,
        num_heads=2,
        embedding_dim=8,
        num_multimask_outputs=3,
        iou_head_depth=2,
        iou_head_hidden_dim=8,
    )
    return hub.SAMBackbone(image_encoder=encoder, prompt_encoder=prompt, mask_decoder=decoder)


# -- tasks --------------------------------------------------------------------------------------------------------


@register("bert_classifier")
def bert_classifier() -> keras.Model:
    return hub.BertTextClassifier(MODELS["bert"](), num_classes=3)


@register("bert_masked_lm")
def bert_masked_lm() -> keras.Model:
    return hub.BertMaskedLM(MODELS["bert"]())


@register("gpt2_causal_lm")
def gpt2_causal_lm() -> keras.Model:
    return hub.GPT2CausalLM(MODELS["gpt2"]())


@register("gemma_causal_lm")
def gemma_causal_lm() -> keras.Model:
    return hub.GemmaCausalLM(MODELS["gemma"]())


@register("llama_causal_lm")
def llama_causal_lm() -> keras.Model:
    return hub.LlamaCausalLM(MODELS["llama"]())


@register("bart_seq_2_seq")
def bart_seq_2_seq() -> keras.Model:
    return hub.BartSeq2SeqLM(MODELS["bart"]())


@register("vit_classifier")
def vit_classifier() -> keras.Model:
    return hub.ViTImageClassifier(MODELS["vit"](), num_classes=3)


@register("res_net_classifier")
def res_net_classifier() -> keras.Model:
    return hub.ResNetImageClassifier(MODELS["res_net"](), num_classes=3)
