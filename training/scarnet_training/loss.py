"""The paper's composite loss (Eqs. 7-11 and the supplement)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from scarnet.classes import N_CLASSES, TissueClass
from scarnet.errors import ScarNetError
from scarnet_training.loss_settings import PRESETS, LossSettings

__all__ = ["PRESETS", "CompositeLoss", "LossSettings"]

# x^γ with γ < 1 has an infinite slope at 0, which a class that is absent or perfectly predicted reaches. The slope with
# respect to the logits has none (p' = p(1-p) outruns it), so the floor need only keep the numbers finite.
_FOCAL_FLOOR = 1e-12


class CompositeLoss(nn.Module):
    r"""L = λ₁·DL + λ₂·FTL + λ₃·CE + λ_scar·L_scar + λ_myo·L_myo.

    With true positives, false positives and false negatives TP_c = Σ p_c g_c, FP_c = Σ p_c (1 - g_c) and
    FN_c = Σ (1 - p_c) g_c of class c, summed over all pixels of the whole batch, so that a slice without scar does not
    count as a perfect one:

    - DL = mean over c of 1 - (2 TP + ε) / (2 TP + FP + FN + ε) (Eq. 10), and L_scar, L_myo that of one class;
    - FTL = mean over c of (1 - (TP + ε) / (TP + α FP + β FN + ε))^γ (Eq. 9);
    - CE = mean over pixels of -w_c log p_c at their true class c (Eq. 11).

    The myocardium of L_myo is the class, which is healthy myocardium without the scar.

    Adaptive weighting changes the weights λ, never the terms:

    - ``scar-presence`` multiplies λ₂ by `presence_factor` in a batch with at least one pixel of scar;
    - ``uncertainty`` learns a log variance s_i = log σ_i² for each term with λ_i > 0 (Kendall, Gal and Cipolla, CVPR
      2018): L = Σ λ_i (exp(-s_i) L_i + s_i / 2), their L_i / σ_i² + log σ_i for what comes out of a softmax. At s = 0,
      where it starts, this is the loss with fixed weights; at rest exp(-s_i) = 1 / (2 L_i), so that all terms pull
      alike whatever their size. What is learned is θ in s = m·tanh(θ/m) with m = `log_variance_limit`, for without a
      limit the weight of a term near 0 grows for ever and the sum falls without bound.

    The sums are taken in float32 also under autocast and for 16-bit logits, in float64 for float64 logits. Nothing
    reads a value back from the device, so that a training step on a GPU does not wait for the loss.

    Under data-parallel training each process measures its own micro-batch and the gradients are averaged, exactly as
    when one process accumulates the mean over the same micro-batches.

    Parameters
    ----------
    settings : LossSettings
        Weights and constants.

    Attributes
    ----------
    log_variance : nn.Parameter of shape (n,) or None
        θ of each term with λ > 0, in the order of ``settings.weights()``; None but for ``uncertainty``. It belongs in
        the optimizer, without weight decay, and its gradients are averaged over processes like the network's.
    """

    class_weights: Tensor
    log_variance: nn.Parameter | None

    def __init__(self, settings: LossSettings) -> None:
        super().__init__()
        self.settings = settings
        # Not part of the state: a resumed training takes them from its recipe.
        weights = torch.tensor(settings.class_weights or (1.0,) * N_CLASSES)
        self.register_buffer("class_weights", weights, persistent=False)
        learned = nn.Parameter(torch.zeros(len(settings.weights()))) if settings.adaptive == "uncertainty" else None
        self.register_parameter("log_variance", learned)

    def forward(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Measure how far the logits are from the labels.

        Parameters
        ----------
        logits : Tensor, shape (B, C, H, W)
            Before softmax, of any floating-point type.
        labels : Tensor of int64, shape (B, H, W)
            Class of each pixel, on the device of the logits.

        Returns
        -------
        loss : Tensor, shape ()
            The weighted sum, to go backward from.
        terms : dict of str to Tensor, shape ()
            Each term before its weight, detached and on the device, by its name in
            :data:`~scarnet_training.loss_settings.TERMS`.

        Raises
        ------
        ScarNetError
            The shapes or types do not fit.
        """
        _check(logits, labels)
        with torch.autocast(logits.device.type, enabled=False):
            logits = logits if logits.dtype == torch.float64 else logits.float()
            classes = torch.arange(N_CLASSES, device=labels.device).view(1, -1, 1, 1)
            truth = (labels.unsqueeze(1) == classes).to(logits.dtype)
            terms = self._terms(logits, labels, truth)
            return self._combine(terms, labels), {name: term.detach() for name, term in terms.items()}

    def _terms(self, logits: Tensor, labels: Tensor, truth: Tensor) -> dict[str, Tensor]:
        s = self.settings
        log_p = torch.log_softmax(logits, dim=1)
        p = log_p.exp()
        axes = (0, 2, 3)
        overlap = p * truth
        true_positive, false_positive, false_negative = (x.sum(axes) for x in (overlap, p - overlap, truth - overlap))
        # 1 - ratio over the common denominator: nothing is left to rounding where the prediction is nearly right.
        wrong = false_positive + false_negative
        dice = wrong / (2 * true_positive + wrong + s.epsilon)
        wrong = s.alpha * false_positive + s.beta * false_negative
        tversky = wrong / (true_positive + wrong + s.epsilon)
        weights = self.class_weights.to(log_p.dtype)
        return {
            "dice": dice.mean(),
            "focal_tversky": tversky.clamp_min(_FOCAL_FLOOR).pow(s.gamma).mean(),
            # Not reduced by nll_loss, which would divide by the weights of the classes that happen to be there.
            "cross_entropy": functional.nll_loss(log_p, labels, weights, reduction="none").mean(),
            "scar": dice[TissueClass.SCAR],
            "myocardium": dice[TissueClass.MYOCARDIUM],
        }

    def _combine(self, terms: dict[str, Tensor], labels: Tensor) -> Tensor:
        s = self.settings
        parts = {name: weight * terms[name] for name, weight in s.weights().items()}
        if s.adaptive == "scar-presence" and "focal_tversky" in parts:
            plain = parts["focal_tversky"]
            parts["focal_tversky"] = torch.where((labels == TissueClass.SCAR).any(), s.presence_factor * plain, plain)
        if self.log_variance is not None:
            limit = s.log_variance_limit
            learned = (limit * torch.tanh(self.log_variance / limit)).unbind()
            for (name, weight), log_variance in zip(s.weights().items(), learned, strict=True):
                parts[name] = torch.exp(-log_variance) * parts[name] + 0.5 * weight * log_variance
        return torch.stack(list(parts.values())).sum()


def _check(logits: Tensor, labels: Tensor) -> None:
    if logits.ndim != 4 or logits.shape[1] != N_CLASSES or not logits.is_floating_point():
        raise ScarNetError(
            f"The loss got logits of shape {tuple(logits.shape)} and type {logits.dtype}; it takes floating-point"
            f" logits of shape (B, {N_CLASSES}, H, W)."
        )
    expected = (logits.shape[0], *logits.shape[2:])
    if tuple(labels.shape) != expected or labels.dtype != torch.int64:
        raise ScarNetError(
            f"The loss got labels of shape {tuple(labels.shape)} and type {labels.dtype}; to logits of shape"
            f" {tuple(logits.shape)} it takes int64 labels of shape {expected}."
        )
