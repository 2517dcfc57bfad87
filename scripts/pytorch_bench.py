#!/usr/bin/env python3
"""Times the published PyTorch networks on this machine's CPU; docs/performance.md says how it is run.

Networks, loss and optimiser come unchanged from a clone of github.com/sarthmit/traj_drl (first argument). Its loss
runs a decoder whose result is thrown away unless `lambda_reconstr` is set; `--skip-decoder` leaves it out.
Prints one JSON object: the settings, seconds (best and median) and peak memory.
"""
import argparse
import contextlib
import json
import os
import resource
import statistics
import sys
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("clone", help="folder of the clone of sarthmit/traj_drl")
parser.add_argument("--task", choices=["train", "encode"], default="train")
parser.add_argument("--skip-decoder", action="store_true", help="leave out the decoder that the loss doesn't use")
parser.add_argument("--bf16", action="store_true", help="bf16 autocast")
parser.add_argument("--layout", choices=["channels_last", "contiguous"], default="channels_last")
parser.add_argument("--compile", action="store_true", help="torch.compile")
parser.add_argument("--fused-adam", action="store_true", help="torch's fused Adam instead of the published default")
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--steps", type=int, default=15, help="steps to time, after 3 of warm-up")
options = parser.parse_args()

sys.path.insert(0, os.path.join(options.clone, "diffusion_model"))
import torch  # noqa: E402

torch.set_num_threads(options.threads)
torch.manual_seed(0)
with contextlib.redirect_stdout(sys.stderr):
    import losses  # noqa: E402
    import sde_lib  # noqa: E402
    from configs.ve.cifar10_ncsnpp_small_continuous import get_config  # noqa: E402
    from models import ncsnpp  # noqa: E402
    from models.ema import ExponentialMovingAverage  # noqa: E402

    config = get_config()
    config.device = torch.device("cpu")
    config.training.include_encoder = True
    model = ncsnpp.NCSNpp(config)


class Nothing(torch.nn.Module):
    """Stands where the decoder was."""

    def forward(self, *_, **__):
        return None


if options.skip_decoder:
    model.decoder = Nothing()
layout = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}[options.layout]
model = model.to(memory_format=layout)
images = torch.rand(options.batch, 3, 32, 32).to(memory_format=layout)
precision = torch.autocast("cpu", dtype=torch.bfloat16) if options.bf16 else contextlib.nullcontext()

if options.task == "train":
    optimizer = losses.get_optimizer(config, model.parameters())
    if options.fused_adam:
        optimizer = torch.optim.Adam(model.parameters(), lr=config.optim.lr, eps=config.optim.eps, fused=True)
    state = {
        "optimizer": optimizer,
        "model": model,
        "ema": ExponentialMovingAverage(model.parameters(), decay=config.model.ema_rate),
        "step": 0,
    }
    if options.compile:
        model.compile()
    sde = sde_lib.VESDE(sigma_min=config.model.sigma_min, sigma_max=config.model.sigma_max, N=config.model.num_scales)
    loss_fn = losses.get_sde_loss_fn(sde, True, reduce_mean=False, likelihood_weighting=False, config=config)
    optimize = losses.optimization_manager(config)

    def run():
        # The body of the published `step_fn`; autocast is for the forward pass only, as torch advises.
        optimizer.zero_grad()
        with precision:
            loss = loss_fn(model, images)
        loss.backward()
        optimize(optimizer, model.parameters(), step=state["step"])
        state["step"] += 1
        state["ema"].update(model.parameters())

else:
    encoder = model.encoder.eval()
    if options.compile:
        encoder.compile()
    t = torch.full((options.batch,), 0.5)

    def run():
        with torch.inference_mode(), precision:
            encoder(images, t)


for _ in range(3):
    run()
seconds = []
for _ in range(options.steps):
    start = time.perf_counter()
    run()
    seconds.append(time.perf_counter() - start)
best, median = min(seconds), statistics.median(seconds)
print(json.dumps({
    **{k: v for k, v in vars(options).items() if k != "clone"},
    "torch": torch.__version__,
    "seconds_best": round(best, 4),
    "seconds_median": round(median, 4),
    "images_per_second": round(options.batch / best, 1),
    "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
}))
