"""How fast is the visual memory? Ours beside the ConvGRU written down cell by cell, forward and a training step.

    python -m benchmarks.memory [--frames 14] [--size 60 107] [--inputs 129] [--state 64] [--kernel 7]
                                [--threads N] [--rounds 3] [--device cpu]

`plain` is what the equations say and what public ConvGRU cells do: at each frame the gates are convolved from input and
state together, then the candidate from input and reset state, one direction after the other. Both have the same
weights; `apart` is the largest difference of their states, and of their gradients in deviations of the gradient.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.rounds import fastest
from vosmem.memory.convgru import ConvGRU


class PlainConvGRU(nn.Module):
    """The cell of :class:`ConvGRU`, computed frame by frame, with its weights."""

    def __init__(self, of: ConvGRU):
        super().__init__()
        self.state, padding = of.state, of.candidate.kernel_size[0] // 2
        inputs = of.from_input.in_channels
        self.gates = nn.Conv2d(inputs + of.state, 2 * of.state, of.candidate.kernel_size, padding=padding)
        self.candidate = nn.Conv2d(inputs + of.state, of.state, of.candidate.kernel_size, padding=padding)
        wz, wr, wc = of.from_input.weight.detach().chunk(3)
        bz, br, bc = of.from_input.bias.detach().chunk(3)
        with torch.no_grad():
            self.gates.weight.copy_(torch.cat([torch.cat([wz, wr]), of.gates.weight], dim=1))
            self.gates.bias.copy_(torch.cat([bz, br]))
            self.candidate.weight.copy_(torch.cat([wc, of.candidate.weight], dim=1))
            self.candidate.bias.copy_(bc)

    def cell(self, x: Tensor, h: Tensor) -> Tensor:
        """(1, C, h, w), (1, S, h, w) -> (1, S, h, w)."""
        z, r = torch.sigmoid(self.gates(torch.cat([x, h], dim=1))).chunk(2, dim=1)
        c = torch.tanh(self.candidate(torch.cat([x, r * h], dim=1)))
        return (1 - z) * h + z * c

    def forward(self, x: Tensor) -> Tensor:
        """(T, C, h, w) -> (T, 2S, h, w)."""
        both = []
        for frames in (range(len(x)), reversed(range(len(x)))):
            h, states = x.new_zeros(1, self.state, *x.shape[-2:]), {}
            for t in frames:
                h = states[t] = self.cell(x[t : t + 1], h)
            both.append(torch.cat([states[t] for t in range(len(x))]))
        return torch.cat(both, dim=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=14)
    parser.add_argument("--size", type=int, nargs=2, default=(60, 107), metavar=("h", "w"), help="cells")
    parser.add_argument("--inputs", type=int, default=129, help="channels of the memory's input")
    parser.add_argument("--state", type=int, default=64)
    parser.add_argument("--kernel", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    device = torch.device(args.device)
    ours = ConvGRU(args.inputs, args.state, args.kernel).to(device)
    plain = PlainConvGRU(ours).to(device)
    x = torch.randn(args.frames, args.inputs, *args.size, device=device)

    def forward(model: nn.Module) -> Tensor:
        with torch.inference_mode():
            states = model(x)
            return states if device.type == "cpu" else states.cpu()

    def step(model: nn.Module) -> None:
        model.zero_grad()
        model(x).square().mean().backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    states = [forward(m) for m in (ours, plain)]
    step(ours), step(plain)
    gradient = ours.candidate.weight.grad, plain.candidate.weight.grad[:, args.inputs :]
    apart = {
        "forward": (states[0] - states[1]).abs().max().item(),
        "training step": ((gradient[0] - gradient[1]).abs().max() / gradient[1].std()).item(),
    }
    work: dict[str, Callable[[], object]] = {}
    for kind, run in (("forward", forward), ("training step", step)):
        for name, model in (("plain", plain), ("ours", ours)):
            work[f"{kind}, {name}"] = lambda run=run, model=model: run(model)
    seconds = fastest(work, args.rounds)
    print(
        f"{args.frames} frames of {args.size[0]}x{args.size[1]} cells, {args.inputs} channels in, state {args.state}, "
        f"{args.kernel}x{args.kernel}, both directions, {args.device}, {args.threads} threads"
    )
    print(f"{'':<16}{'plain s':>9}{'ours s':>9}{'x plain':>9}{'apart':>9}")
    gains = {}
    for kind, difference in apart.items():
        before, now = seconds[f"{kind}, plain"], seconds[f"{kind}, ours"]
        gains[kind] = before / now
        print(f"{kind:<16}{before:>9.3f}{now:>9.3f}{gains[kind]:>9.2f}{difference:>9.1e}")
    print(f"memory: {gains['training step']:.2f}x the cell-by-cell loop (training step)")


if __name__ == "__main__":
    main()
