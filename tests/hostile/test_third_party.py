"""Models of packages that many people use: their classes are not called dangerous because nobody here knows them.

Each line is a package: the module that Keras writes for a layer of it, the class, its registered name, and a setting.
"""

from __future__ import annotations

import json

import pytest

from graphlint.engine.linter import Linter
from tests.hostile.files import functional, h5_model, input_layer, keras_archive, layer, tensor, write

LINTER = Linter()
PACKAGES: dict[str, tuple[str, str, str | None, dict[str, object]]] = {
    "keras-tcn": ("tcn.tcn", "TCN", "TCN", {"nb_filters": 8, "dilations": [1, 2], "activation": "relu"}),
    "keras-cv": ("keras_cv.src.layers.regularization.drop_path", "DropPath", "keras_cv>DropPath", {"rate": 0.1}),
    "keras-hub": ("keras_hub.src.layers.modeling.position_embedding", "PositionEmbedding",
                  "keras_hub>PositionEmbedding",
                  {"sequence_length": 8, "initializer": "glorot_uniform"}),
    "keras-nlp": ("keras_nlp.src.layers.modeling.transformer_encoder", "TransformerEncoder",
                  "keras_nlp>TransformerEncoder", {"intermediate_dim": 8, "num_heads": 2}),
    "keras-rs": ("keras_rs.src.layers.feature_interaction.dot_interaction", "DotInteraction",
                 "keras_rs>DotInteraction", {"skip_gather": False}),
    "qkeras": ("qkeras.qlayers", "QDense", "QDense", {"kernel_quantizer": {
        "class_name": "quantized_bits", "config": {"bits": 4, "integer": 0, "alpha": 1.0},
        "registered_name": "quantized_bits"}}),
    "tensorflow-addons": ("tensorflow_addons.layers.normalizations", "InstanceNormalization",
                          "Addons>InstanceNormalization", {"groups": -1, "epsilon": 0.001}),
    "larq": ("larq.layers", "QuantDense", "larq>QuantDense", {"input_quantizer": "ste_sign", "units": 4}),
    "kapre": ("kapre.time_frequency", "STFT", "Kapre>STFT", {"n_fft": 512, "window_name": "hann_window"}),
    "spektral": ("spektral.layers.convolutional.gcn_conv", "GCNConv", "GCNConv", {"channels": 4, "activation": "relu"}),
    "stellargraph": ("stellargraph.layer.gcn", "GraphConvolution", "GraphConvolution", {"units": 4}),
    "kgcnn": ("kgcnn.layers.gather", "GatherNodes", "kgcnn>GatherNodes", {"axis": 0}),
    "tensorflow-gnn": ("tensorflow_gnn.keras.layers.graph_ops", "Readout", "GNN>Readout", {"feature_name": "hidden"}),
    "keras-self-attention": ("keras_self_attention.seq_self_attention", "SeqSelfAttention", "SeqSelfAttention",
                             {"attention_activation": "sigmoid", "attention_type": "additive"}),
    "keras-multi-head": ("keras_multi_head.multi_head_attention", "MultiHeadAttention", "MultiHeadAttention",
                         {"head_num": 2}),
    "keras-bert": ("keras_bert.layers.tokens_mask", "Masked", "Masked", {"return_masked": False}),
    "bert4keras": ("bert4keras.layers", "PositionEmbedding", "PositionEmbedding", {"merge_mode": "add"}),
    "keras-layer-normalization": ("keras_layer_normalization.layer_normalization", "LayerNormalization",
                                  "LayerNormalization", {"gamma_initializer": "ones"}),
    "keras-pos-embd": ("keras_pos_embd.trig_pos_embd", "TrigPosEmbedding", "TrigPosEmbedding", {"mode": "add"}),
    "keras-contrib": ("keras_contrib.layers.crf", "CRF", "CRF", {"learn_mode": "join", "units": 4}),
    "tf2crf": ("tf2crf.crf", "CRF", "CRF", {"units": 4}),
    "tensorflow-recommenders": ("tensorflow_recommenders.layers.feature_interaction.dcn", "Cross",
                                "Recommenders>Cross", {"projection_dim": 4, "kernel_initializer": "truncated_normal"}),
    "tensorflow-ranking": ("tensorflow_ranking.python.keras.layers", "FlattenList", "Rank>FlattenList",
                           {"circular_padding": True}),
    "tensorflow-model-optimization": ("tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper",
                                      "QuantizeWrapper", "QuantizeWrapper", {"quantize_config": None}),
    "tensorflow-models": ("official.nlp.modeling.layers.on_device_embedding", "OnDeviceEmbedding",
                          "Text>OnDeviceEmbedding", {"vocab_size": 8, "embedding_width": 4}),
    "neural-structured-learning": ("neural_structured_learning.keras.layers.neighbor_features", "NeighborFeatures",
                                   "NeighborFeatures", {"feature_names": ["x"]}),
    "segmentation-models": ("segmentation_models.models._common_blocks", "Conv2DBn", "Conv2DBn", {"filters": 4}),
    "efficientnet": ("efficientnet.model", "FixedDropout", "FixedDropout", {"rate": 0.2, "noise_shape": [None, 1]}),
    "classification-models": ("classification_models.models.senet", "ChannelSE", "ChannelSE", {"reduction": 16}),
    "vit-keras": ("vit_keras.layers", "ClassToken", "vit_keras>ClassToken", {}),
    "keras-cv-attention-models": ("keras_cv_attention_models.common_layers.layers", "HeadPositionalBias",
                                  "kecam/common>HeadPositionalBias", {"axis": 1}),
    "keras-efficientnet-v2": ("keras_efficientnet_v2.efficientnet_v2", "PreprocessingLayer", "kecam>PreprocessingLayer",
                              {}),
    "transformers": ("transformers.models.bert.modeling_tf_bert", "TFBertMainLayer", "TFBertMainLayer",
                     {"config": {"model_type": "bert", "vocab_size": 8, "hidden_act": "gelu"}}),
    "autokeras": ("autokeras.keras_layers", "CastToFloat32", "autokeras>CastToFloat32", {}),
    "deepctr": ("deepctr.layers.core", "DNN", "DNN", {"hidden_units": [4, 4], "activation": "relu", "seed": 1}),
    "deepchem": ("deepchem.models.layers", "Highway", "Highway",
                 {"activation": "relu", "weights_initializer": "he_normal"}),
    "ncps": ("ncps.keras.ltc_cell", "LTCCell", "ncps>LTCCell",
             {"wiring": {"class_name": "AutoNCP", "config": {"units": 4}}}),
    "keras-unet-collection": ("keras_unet_collection.activations", "GELU", "GELU", {"trainable": False}),
    "attention": ("attention.attention", "Attention", "attention>Attention", {"units": 4, "score": "luong"}),
    "phased-lstm": ("phased_lstm_keras.PhasedLSTM", "PhasedLSTM", "PhasedLSTM", {"units": 4, "implementation": 1}),
    "sionna": ("sionna.phy.channel.awgn", "AWGN", "sionna>AWGN", {"precision": None}),
    "basic-pitch": ("basic_pitch.nn", "HarmonicStacking", "HarmonicStacking", {"bins_per_semitone": 3}),
    "deepface": ("deepface.models.facial_recognition.VGGFace", "L2Norm", "L2Norm", {"axis": -1}),
    "mrcnn": ("mrcnn.model", "ProposalLayer", "ProposalLayer", {"proposal_count": 1000, "nms_threshold": 0.7}),
    "keras-retinanet": ("keras_retinanet.layers._misc", "Anchors", "Anchors", {"size": 32, "ratios": [0.5, 1, 2]}),
    "keras-unet-collection (layers)": ("keras_unet_collection.transformer_layers", "patch_extract", "patch_extract",
                                       {"patch_size": [2, 2]}),
    "keras-ocr": ("keras_ocr.recognition", "SpatialTransformer", "SpatialTransformer", {"output_size": [4, 4]}),
}  # fmt: skip


def configuration(package):
    module, class_name, registered, config = PACKAGES[package]
    one = layer(class_name, "theirs", config, [tensor("in")], module=module, registered_name=registered)
    loss = {"module": f"{module.partition('.')[0]}.losses", "class_name": "function", "config": "focal_loss",
            "registered_name": "focal_loss"}  # fmt: skip
    return functional([input_layer(), one]) | {"compile_config": {"optimizer": "adam", "loss": loss}}


def test_there_are_enough():
    assert len(PACKAGES) >= 40


@pytest.mark.parametrize("package", PACKAGES)
def test_their_layers_are_no_danger(package, tmp_path):
    config = configuration(package)
    contents = {
        "model.keras": keras_archive(config),
        "model.h5": h5_model(config),
        "model.json": json.dumps(config).encode(),
    }
    for name, content in contents.items():
        report = LINTER.check_file(write(tmp_path, name, content))
        assert report.status == "checked"
        found = [(one.code, one.message) for one in report.findings if one.code.startswith("X")]
        assert found == [], name
