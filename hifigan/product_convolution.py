"""Convolutions along one axis as one matrix product, for float32 on CPUs.

In the discriminators' wide layers over few positions, torch's own convolutions spend a fifth of their
time on reordering weights and inputs. Here the weights stay as they are, [O, I * kernel], and meet
the windows: what each output position sees of the inputs. Values and gradients equal those of
torch's convolutions up to rounding; parameters and their names are the same.

Axes: I and O input and output channels, T positions, N columns that never mix.
"""
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

MAX_WINDOWS = 2 ** 23  # numbers (32 MiB): the allocator fetches larger pieces from the system every time


class ProductConv1d(nn.Conv1d):
    """nn.Conv1d without groups, padded with zeros on both sides alike."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, I, T] to [B, O, T_out]."""
        if not pays(x, self.kernel_size[0]):
            return super().forward(x)
        padding = self._reversed_padding_repeated_twice[0]  # in numbers, also where it is "same"
        return convolve(x.unsqueeze(3), self.weight, self.bias, self.stride[0], padding,
                        self.dilation[0]).squeeze(3)


class ProductConv2d(nn.Conv2d):
    """nn.Conv2d without groups down the columns: its kernel is (k, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, I, T, N] to [B, O, T_out, N]."""
        if not pays(x, self.kernel_size[0]):
            return super().forward(x)
        return convolve(x, self.weight.squeeze(3), self.bias, self.stride[0], self.padding[0],
                        self.dilation[0])


def pays(x: Tensor, kernel_size: int) -> bool:
    """GPUs and bfloat16 have better convolutions; windows of a long recording would need too much memory."""
    return (x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
            and x[0].numel() * kernel_size <= MAX_WINDOWS)


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int,
             dilation: int) -> Tensor:
    """x: [B, I, T, N]; weight: [O, I, kernel]; bias: [O]. Returns [B, O, T_out, N].

    As many items as MAX_WINDOWS allows go into one product, to read the weights once.
    """
    n_items = max(1, MAX_WINDOWS * stride // (x[0].numel() * weight.shape[2]))
    outs = [Convolution.apply(items, weight, bias, stride, padding, dilation) for items in x.split(n_items)]
    return outs[0] if len(outs) == 1 else torch.cat(outs)


class Convolution(torch.autograd.Function):
    """x [B, I, T, N], weight [O, I, kernel], bias [O] or None to [B, O, T_out, N].

    In memory the result is [O, B, T_out, N], as the product leaves it.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int,
                dilation: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding, dilation
        windows = all_windows(x, weight.shape[2], *ctx.geometry)
        matrix, columns = weight.flatten(1), windows.flatten(2).flatten(0, 1)
        out = matrix @ columns if bias is None else torch.addmm(bias.unsqueeze(1), matrix, columns)
        return out.view(-1, *windows.shape[2:]).transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_out: Tensor) -> tuple[Tensor | None, ...]:
        """`of_x` is the gradient of x, and so on."""
        x, weight = ctx.saved_tensors
        of_x = of_weight = of_bias = None
        of_out_matrix = of_out.transpose(0, 1).flatten(1)  # [O, B * T_out * N]
        if ctx.needs_input_grad[0]:
            of_windows = weight.flatten(1).T @ of_out_matrix
            of_windows = of_windows.view(*weight.shape[1:], len(x), *of_out.shape[2:])
            of_x = sum_of_windows(of_windows, x.shape[2], *ctx.geometry)
        if ctx.needs_input_grad[1]:  # the windows are made again: storing them would take much memory
            windows = all_windows(x, weight.shape[2], *ctx.geometry)
            of_weight = (of_out_matrix @ windows.flatten(2).flatten(0, 1).T).view_as(weight)
        if ctx.needs_input_grad[2]:
            of_bias = of_out_matrix.sum(1)
        return of_x, of_weight, of_bias, None, None, None


def all_windows(x: Tensor, kernel_size: int, stride: int, padding: int, dilation: int) -> Tensor:
    """What each output position sees: [B, I, T, N] to [I, kernel, B, T_out, N]."""
    if kernel_size == stride == 1:
        return x.transpose(0, 1).unsqueeze(1)
    padded = F.pad(x, (0, 0, padding, padding))
    windows = padded.unfold(2, dilation * (kernel_size - 1) + 1, stride)[..., ::dilation]
    return windows.permute(1, 4, 0, 2, 3).contiguous()


def sum_of_windows(windows: Tensor, length: int, stride: int, padding: int, dilation: int) -> Tensor:
    """The adjoint of all_windows: [I, kernel, B, T_out, N] summed where they overlap, [B, I, T, N]."""
    n_channels, kernel_size, batch_size, n_windows, n_columns = windows.shape
    if kernel_size == stride == 1:
        return windows.squeeze(1).transpose(0, 1)
    padded = windows.new_zeros(n_channels, batch_size, length + 2 * padding, n_columns)
    for i in range(kernel_size):
        seen = padded[:, :, i * dilation::stride][:, :, :n_windows]
        seen += windows[:, i]
    return padded[:, :, padding:padding + length].transpose(0, 1)
