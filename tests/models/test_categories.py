"""Where a class comes from: every way against formulas written out class by class."""

import dataclasses
import math

import pytest
import torch

from vaerun.config.compose import compose
from vaerun.data.dataloader import Batch
from vaerun.data.image_set import DataShape
from vaerun.geometry import Pose, rotation
from vaerun.models.categories.conditional import factor_name
from vaerun.models.elbo import negative_elbo
from vaerun.models.invariant_vae import InvariantVAE, encode
from vaerun.models.label_errors import negative_log_prob
from vaerun.models.lightning_module import AdamConfig, VAELightningModule
from vaerun.runs.config import validate
from vaerun.utils.errors import UserError

N, J = 3, 4
SMALL = ("model.invariances=[r,t]", "model.hidden=[9,7]", "model.pose.decode=null")
CLASSIFIED = ("model/category=classifier", "model.category.hidden=[6]")


def images(n: int = N) -> torch.Tensor:
    return torch.rand(n, 1, 12, 12, generator=torch.Generator().manual_seed(1))


@pytest.fixture(autouse=True)
def _mean_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaerun.models.latents.DiagonalNormal.sample", lambda q: q.mean)


def loss_of_class(network: InvariantVAE, x: torch.Tensor, i: int, y: int) -> torch.Tensor:
    """−ELBO(x_i, y) of one class, bin after bin, at posterior means, straight from formulas."""
    posterior = network.infer(x)
    log_bin = posterior.log_q[i, :, y].log_softmax(0)
    code = torch.eye(J)[None, y]
    total = torch.zeros(())
    for k, bin_angle in enumerate(network.search.bin_angle):
        mean, sd = posterior.latents.mean[i, k, y], posterior.latents.sd[i, k, y]
        kl = (0.5 * (mean**2 + sd**2 - 1) - sd.log()).sum()
        angle, row, column, *_ = mean * torch.tensor(network.latents.units())
        shift = rotation(bin_angle) @ torch.stack([row, column])
        pose = Pose((bin_angle + angle)[None], shift[None], torch.ones(1))
        output = network.decoder(torch.cat([mean[None, 3:], code], 1), pose)
        coin = torch.distributions.Bernoulli(logits=output, validate_args=False)
        log_lik = coin.log_prob(x[i : i + 1].flatten(2)).sum()
        n_bins = len(network.search.bin_angle)
        total = total + log_bin[k].exp() * (kl - log_lik + log_bin[k] + math.log(n_bins))
    return total


@pytest.mark.parametrize("prior", ["uniform", "[5,3,1,1]"])
@pytest.mark.parametrize(
    "overrides", [("model=jrvae",), ("model=jrvae", *CLASSIFIED), ("model=ssrvae", *CLASSIFIED)]
)
def test_an_unknown_class_is_summed_over_exactly(make, overrides: tuple[str, ...], prior: str):
    network, x = make(*overrides, *SMALL, f"model.category.prior={prior}"), images()
    log_prior = torch.tensor([0.25] * J if prior == "uniform" else [0.5, 0.3, 0.1, 0.1]).log()
    log_class = network.infer(x).log_class
    got = negative_elbo(network, x).loss
    for i in range(N):
        want = sum(
            log_class[i, y].exp()
            * (loss_of_class(network, x, i, y) + log_class[i, y] - log_prior[y])
            for y in range(J)
        )
        torch.testing.assert_close(got[i], want, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("overrides", [("model=ssrvae",), ("model=ssrvae", *CLASSIFIED)])
def test_a_known_class_leaves_its_own_bound_alone(make, overrides: tuple[str, ...]):
    """That of log p(x | y) has no term of the class, whatever its prior."""
    network, x = make(*overrides, *SMALL, "model.category.prior=[5,3,1,1]"), images()
    label = torch.tensor([2, 0, 2])
    got = negative_elbo(network, x, network.infer(x).on_class(label)).loss
    want = [loss_of_class(network, x, i, int(y)) for i, y in enumerate(label)]
    torch.testing.assert_close(got, torch.stack(want), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("category", ["enumerated", "gumbel_softmax"])
def test_the_mean_of_q_is_the_prior_that_maximises_the_bound(make, category: str):
    """Along every direction in which shares can move, the bound falls."""
    network, x = make("model=jrvae", f"model/category={category}", *SMALL).eval(), images(20)
    with torch.no_grad():
        posterior = network.infer(x)
        best = posterior.log_class.exp().mean(0)

        def loss(prior: torch.Tensor) -> float:
            network.category.prior = prior
            return float(negative_elbo(network, x, posterior).loss.double().mean())

        lowest = loss(best)
        for one in range(J):
            for other in set(range(J)) - {one}:
                moved = best.clone()
                moved[one], moved[other] = best[one] + 0.1, best[other] - 0.1
                assert loss(moved) > lowest
        assert loss(torch.full((J,), 1 / J)) > lowest


def test_a_learned_prior_nears_the_shares_of_the_classes_and_keeps_a_floor(make):
    category = make("model=jrvae", *SMALL).category
    category.learn_prior(torch.tensor([10.0, 0.0, 0.0, 0.0]), 40)  # a quarter of an epoch
    want = 0.75 * 0.25 + 0.25 * (torch.tensor([10.0, 0, 0, 0]) + 0.1 / J) / 10.1
    torch.testing.assert_close(category.prior, want)
    category.learn_prior(torch.zeros(J), 40)
    torch.testing.assert_close(category.prior, want)
    for _ in range(200):
        category.learn_prior(torch.tensor([9.0, 1.0, 0.0, 0.0]), 40)
    floor = 0.01 / (1.01 * J)
    want = torch.tensor([0.9, 0.1, 0, 0]) / 1.01 + floor
    torch.testing.assert_close(category.prior, want)
    torch.testing.assert_close(category.prior.sum(), torch.tensor(1.0))


def test_a_given_prior_is_in_any_unit_and_has_a_number_for_each_class(make):
    category = make("model=jrvae", *SMALL, "model.category.prior=[90,8,1,1]").category
    torch.testing.assert_close(category.prior, torch.tensor([0.9, 0.08, 0.01, 0.01]))
    assert not category.learns_prior
    assert make("model=jrvae", *SMALL).category.learns_prior
    for prior, words in (
        ("[1,2]", r"model.category.prior has 2 numbers for 4 classes — give one for each"),
        ("[1,2,0,3]", r"model.category.prior\[2\]=0 must be above 0"),
        ("flat", r"model.category.prior=flat .*learned"),
    ):
        with pytest.raises(UserError, match=words):
            make("model=jrvae", *SMALL, f"model.category.prior={prior}")


@pytest.mark.parametrize("decode", ["null", "3"])
def test_the_loss_of_a_labelled_image_knows_no_other_class(make, decode: str):
    """Whatever decoder and encoder say of other classes, its bound stays (but for rounding)."""
    network = make("model=ssrvae", "model.hidden=[9,7]", f"model.pose.decode={decode}")
    x, label = images(), torch.tensor([1, 1, 1])

    def bound() -> torch.Tensor:
        torch.manual_seed(0)
        posterior = network.infer(x).on_class(label)
        return negative_elbo(network, x, posterior, n_decode=3, explore=True).loss

    before = bound()
    before.sum().backward()
    gradient = network.decoder.net[0].weight.grad[:, -J:]  # of the class code
    assert gradient[:, 1].any()
    assert not gradient[:, [0, 2, 3]].any()
    numbers = network.encoder.rest[-1][-1].weight.grad.unflatten(0, (J, -1))
    assert numbers[1].any()
    assert float(numbers[[0, 2, 3]].abs().max()) < 1e-6 * float(numbers[1].abs().max())
    with torch.no_grad():
        network.decoder.net[0].weight[:, [-4, -2, -1]] += 1
        network.encoder.rest[-1][-1].weight.unflatten(0, (J, -1))[[0, 2, 3]] += 1
    torch.testing.assert_close(bound(), before, rtol=1e-6, atol=0)


def test_a_mixed_batch_is_its_labelled_and_unlabelled_parts(make):
    config = validate(compose(["model=ssrvae", *SMALL]))
    network = make("model=ssrvae", *SMALL)
    optimiser = AdamConfig(learning_rate=1.0, schedule="constant")
    module = VAELightningModule(network, config.objective, optimiser, 0)
    x, label = images(4), torch.tensor([-1, 3, -1, 0])
    posterior = network.infer(x)
    got = module._terms(Batch(x, x, label), posterior).loss
    labelled, unknown = label >= 0, label < 0
    of_known = negative_elbo(
        network, x[labelled], network.infer(x[labelled]).on_class(label[labelled])
    )
    of_unknown = negative_elbo(network, x[unknown])
    want = torch.cat([of_known.loss, of_unknown.loss])
    torch.testing.assert_close(got.sort().values, want.sort().values)
    error = negative_log_prob(posterior.log_class, label)
    assert not error[unknown].any()
    torch.testing.assert_close(error[1], -posterior.log_class[1, 3])


def test_a_relaxed_class_pays_the_kl_of_its_logits(make):
    options = ("model/category=gumbel_softmax", "model.category.prior=[5,3,1,1]")
    network, x = make("model=jrvae", *options, *SMALL), images()
    torch.manual_seed(0)
    posterior = network.infer(x)
    assert posterior.class_code.shape == (N, 8, 1, J)
    torch.testing.assert_close(posterior.class_code.sum(-1), torch.ones(N, 8, 1))
    terms = negative_elbo(network, x, posterior)
    q_bin = posterior.log_q[:, :, 0].exp()
    log_y = posterior.log_relaxed[:, :, 0]  # (N, K, J)
    of_bin = (log_y.exp() * (log_y - network.category.prior.log())).sum(2)
    torch.testing.assert_close(terms.kl_class, (q_bin * of_bin).sum(1))
    torch.testing.assert_close(of_bin.min().clamp_max(0), torch.zeros(()), rtol=0, atol=1e-6)


def test_a_target_leaves_the_bound_alone(make):
    target = ("model/category=regressed", "model.category.target=shear")
    x, networks = images(), [make("model=ssrvae", *target, *SMALL), make("model=rvae", *SMALL)]
    losses = [negative_elbo(network, x).loss for network in networks]
    torch.testing.assert_close(losses[0], losses[1])
    assert networks[0].category.target == "shear"
    assert not networks[0].learns_classes
    assert make("model=ssrvae", *SMALL).learns_classes


@pytest.mark.parametrize(
    "overrides",
    [
        ("model=crvae",),
        ("model=ssrvae",),
        ("model=ssrvae", *CLASSIFIED),
        ("model=jrvae", "model/category=gumbel_softmax"),
    ],
)
def test_every_parameter_gets_a_finite_gradient(make, overrides: tuple[str, ...]):
    network, x = make(*overrides, *SMALL), images()
    condition = torch.eye(J)[:N] if overrides == ("model=crvae",) else None
    posterior = network.infer(x, condition)
    loss = negative_elbo(network, x, posterior).loss.mean()
    loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        unused = "classes.weight" in name or "decoder.net.0" in name  # of a class not in the batch
        assert parameter.grad.any() or unused, name


def test_probabilities_of_classes_sum_to_one_and_name_the_decoder_s_class(make):
    for overrides in (("model=jrvae",), (*CLASSIFIED, "model=jrvae")):
        encoded = encode(make(*overrides, *SMALL), images())
        torch.testing.assert_close(encoded.class_probability.sum(1), torch.ones(N))
        likeliest = encoded.class_probability.argmax(1)
        assert encoded.class_code.argmax(1).tolist() == likeliest.tolist()


def test_a_condition_is_the_class_as_one_hot_and_factors_scaled(make):
    network = make("model=crvae", "model.category.condition=[class,shear]", *SMALL)
    condition = network.category.condition(
        torch.tensor([0, 3]), {"shear": torch.tensor([-0.5, 0.25])}
    )  # the range is ±0.5
    assert condition.tolist() == [[1, 0, 0, 0, -1], [0, 0, 0, 1, 0.5]]


def test_a_condition_reaches_encoder_and_decoder(make):
    network, x = make("model=crvae", *SMALL), images()
    one, other = (network.infer(x, torch.eye(J)[[j] * N]) for j in (0, 1))
    assert (one.latents.mean != other.latents.mean).any()
    content, pose = torch.zeros(N, 2), Pose.identity(N)
    outputs = [network.decode(content, pose, torch.eye(J)[[j] * N]) for j in (0, 1)]
    assert (outputs[0] != outputs[1]).any()


def test_manifolds_of_a_continuous_condition_go_through_its_range(make):
    network = make("model=crvae", "model.category.condition=[shear]", *SMALL)
    names, codes = zip(*network.category.examples(["a", "b", "c", "d"]), strict=True)
    assert [float(code) for code in codes] == [-1, -0.5, 0, 0.5, 1]
    assert names[0] == "shear −29°"
    assert names[2] == "shear 0°"


@pytest.mark.parametrize(
    ("overrides", "n_classes", "words"),
    [
        (("model=crvae", "model.category.condition=[colour]"), 4, "has no colour"),
        (("model=crvae",), 0, "has no class"),
        (("model=crvae", "model.category.condition=[]"), 4, "names nothing"),
        (("model=crvae", "model.category.condition=[class,class]"), 4, "one thing twice"),
        (("model=jrvae",), 0, "n_classes"),
    ],
)
def test_what_the_data_do_not_know_is_refused(make, overrides, n_classes, words):
    with pytest.raises(UserError, match=words):
        make(*overrides, n_classes=n_classes)


def test_an_image_without_a_class_has_no_condition(make):
    category = make("model=crvae", *SMALL).category
    with pytest.raises(UserError, match="no class"):
        category.condition(torch.tensor([0, -1]), {})


def test_a_class_can_be_looked_for_where_the_data_have_none(make):
    network = make("model=jrvae", "model.category.n_classes=3", *SMALL, n_classes=0)
    assert network.infer(images()).log_class.shape == (N, 3)


def test_what_is_known_of_the_data_survives_a_checkpoint():
    shape = DataShape(image=(1, 5, 7), n_classes=3, ranges={"shear": (-0.25, 0.5)})
    assert DataShape(**dataclasses.asdict(shape)) == shape


def test_the_paper_s_conditional_model_has_its_parameters(make):
    paper = ("model/decoder=spatial", "model/pose=amortized", "model.hidden=[256,256]")
    network = make("model=crvae", *paper, image=(1, 48, 48))
    assert sum(p.numel() for p in network.parameters()) == 792_583


def test_a_known_bin_rules_out_the_others(make):
    network, x = make("model=jrvae", *SMALL), images()
    posterior = network.infer(x)
    on_bin = posterior.on_rotation_bin(torch.tensor([5, -1, 0]))
    torch.testing.assert_close(on_bin.log_q[1], posterior.log_q[1])
    for i, k in ((0, 5), (2, 0)):
        want = posterior.log_q[i, k].log_softmax(0)  # over the classes
        torch.testing.assert_close(on_bin.log_q[i, k], want)
    assert torch.isfinite(negative_elbo(network, x, on_bin).loss).all()


def test_a_class_is_refused_where_a_model_has_none():
    with pytest.raises(
        UserError, match="model/category=enumerated is not a category of model=rvae"
    ):
        validate(compose(["model=rvae", "model/category=enumerated"]))


def test_a_relaxed_class_that_is_known_is_told_as_it_is(make):
    """Bins and latents are those inferred, the class costs nothing more."""
    network, x = make("model=jrvae", "model/category=gumbel_softmax", *SMALL), images()
    label = torch.tensor([2, 0, 3])
    posterior = network.infer(x)
    got = negative_elbo(network, x, posterior.on_class(label))
    plain = posterior._replace(class_code=torch.eye(J)[label][:, None, None], log_relaxed=None)
    want = negative_elbo(network, x, plain)
    torch.testing.assert_close(got.loss, want.loss)
    assert not got.kl_class.any()
    assert not torch.allclose(got.reconstruction, negative_elbo(network, x).reconstruction)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("shear", -1e-9, "shear 0°"),
        ("angle", -0.5, "angle −29°"),
        ("shift_row", -0.0, "shift row 0"),
    ],
)
def test_a_step_of_a_condition_is_named_with_its_value(name: str, value: float, shown: str):
    assert factor_name(name, value) == shown
