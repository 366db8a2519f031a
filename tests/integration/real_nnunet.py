"""A trained-model folder of nnU-Net v2 whose 2-D network tells intensities 0, 100, 200, 300 apart.

Needs nnunetv2; the network is nnU-Net's own, trained for seconds.
"""

import json

import numpy as np

ARCHITECTURE = {
    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
    "arch_kwargs": {
        "n_stages": 2,
        "features_per_stage": [16, 16],
        "conv_op": "torch.nn.modules.conv.Conv2d",
        "kernel_sizes": [[3, 3], [3, 3]],
        "strides": [[1, 1], [2, 2]],
        "n_conv_per_stage": [2, 2],
        "n_conv_per_stage_decoder": [2],
        "conv_bias": True,
        "norm_op": None,
        "norm_op_kwargs": None,
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    },
    "_kw_requires_import": ["conv_op", "nonlin"],
}


def plans():
    """Return plans as nnU-Net writes them."""
    keep = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
    return {
        "dataset_name": "Dataset999_Calf",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [5.0, 1.0, 1.5],
        "original_median_shape_after_transp": [14, 48, 18],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            "0": {"mean": 150.0, "std": 100.0, "percentile_00_5": 0.0, "percentile_99_5": 320.0}
        },
        "configurations": {
            "2d": {
                "data_identifier": "nnUNetPlans_2d",
                "preprocessor_name": "DefaultPreprocessor",
                "batch_size": 2,
                "patch_size": [32, 32],
                "median_image_size_in_voxels": [48.0, 18.0],
                "spacing": [1.0, 1.5],
                "normalization_schemes": ["CTNormalization"],
                "use_mask_for_norm": [False],
                "resampling_fn_data": "resample_data_or_seg_to_shape",
                "resampling_fn_seg": "resample_data_or_seg_to_shape",
                "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
                "resampling_fn_data_kwargs": keep,
                "resampling_fn_seg_kwargs": {**keep, "is_seg": True, "order": 1},
                "resampling_fn_probabilities_kwargs": {**keep, "order": 1},
                "architecture": ARCHITECTURE,
                "batch_dice": True,
            }
        },
    }


def train_tiny(folder, labels):
    """Write dataset.json, plans.json and fold_all/checkpoint_final.pth; return the folder."""
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    torch.manual_seed(0)
    network = get_network_from_plans(
        ARCHITECTURE["network_class_name"],
        ARCHITECTURE["arch_kwargs"],
        ARCHITECTURE["_kw_requires_import"],
        1,
        len(labels),
        deep_supervision=False,
    )
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    rng = np.random.default_rng(0)
    for _ in range(150):
        truth = np.kron(rng.integers(0, len(labels), (4, 8, 8)), np.ones((1, 4, 4), int))
        image = (truth * 100 + rng.normal(0, 3, truth.shape) - 150) / 100
        logits = network(torch.from_numpy(image[:, None].astype(np.float32)))
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(truth))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    (folder / "fold_all").mkdir(parents=True)
    torch.save(
        {
            "network_weights": network.state_dict(),
            "trainer_name": "nnUNetTrainer",
            "init_args": {"configuration": "2d"},
            "inference_allowed_mirroring_axes": (0, 1),
        },
        folder / "fold_all" / "checkpoint_final.pth",
    )
    dataset = {"channel_names": {"0": "CT"}, "labels": labels, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(dataset))
    (folder / "plans.json").write_text(json.dumps(plans()))
    return folder
