"""A language model that pare made smaller, for PyTorch and Hugging Face transformers.

    model = AutoModelForCausalLM.from_pretrained(directory, trust_remote_code=True)

A linear may be held as two thin matrices, y = B (A x) + b, and layers may differ in heads and MLP channels. The section "pare" of
config.json says how: "network" is the whole network, "linears" the form, rank and bias of what is not as in its family's checkpoints.

The network itself is plain torch: PareNetwork runs without transformers. Modules have the names of the checkpoint's tensors.

    symbol  meaning                                   shape
    h       residual stream                           [batch, length, hidden]
    q, k, v queries, keys, values                     [batch, heads, length, head_dim]
    past    tokens that the cache has seen already
    total   past + length
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

ACTIVATIONS = {
    "silu": F.silu,
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
}


class Factored(nn.Module):
    """y = B (A x) + b, with A [rank, in] and B [out, rank]."""

    def __init__(self, size_in, size_out, rank, bias):
        super().__init__()
        self.A = nn.Linear(size_in, rank, bias=False)
        self.B = nn.Linear(rank, size_out, bias=bias)

    def forward(self, x):
        return self.B(self.A(x))


class PareRMSNorm(nn.Module):
    """x / sqrt(mean(x²) + eps) · weight over the last axis, computed in float32."""

    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        wide = x.float()
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * wide.to(x.dtype)


class Cache:
    """Keys and values of each layer so far: what the cache of transformers does, as far as the network asks."""

    def __init__(self):
        self.layers = {}

    def get_seq_length(self):
        return self.layers[0][0].shape[2] if self.layers else 0

    def update(self, k, v, layer):
        if layer in self.layers:
            k = torch.cat((self.layers[layer][0], k), dim=2)
            v = torch.cat((self.layers[layer][1], v), dim=2)
        self.layers[layer] = (k, v)
        return k, v


class Network:
    """The computation. It makes its modules inside root, under the names of the checkpoint's tensors, and is none itself.

    Modules are looked up whenever they are used, so that a program may put others in their place, as adapters do.
    """

    def __init__(self, root, section):
        self.network = section["network"]
        self.linears = section.get("linears") or {}
        self.names = self.network["names"]
        self.positions = self.network["positions"]
        self.places = {}
        self._make(root)

    # Modules.

    def _make(self, root):
        n = self.network
        self._put(root, "embedding", None, nn.Embedding(n["vocab_size"], n["hidden_size"]))
        if self.positions["learned"]:
            self._put(root, "positions", None, nn.Embedding(self.positions["rows"], n["hidden_size"]))
        for layer, shape in enumerate(n["layers"]):
            self._make_block(root, layer, shape)
        self._put(root, "final_norm", None, self._norm())
        if not n["tied"]:
            self._put(root, "head", None, nn.Linear(n["hidden_size"], n["vocab_size"], bias=False))

    def _make_block(self, root, layer, shape):
        n = self.network
        hidden, width = n["hidden_size"], n["head_dim"]
        queries, keys = shape["heads"] * width, shape["kv_heads"] * width
        sizes = {
            "q_proj": (hidden, queries), "k_proj": (hidden, keys), "v_proj": (hidden, keys), "o_proj": (queries, hidden),
            "up_proj": (hidden, shape["mlp"]), "down_proj": (shape["mlp"], hidden),
        }
        if n["gated"]:
            sizes["gate_proj"] = sizes["up_proj"]
        for kind, size in sizes.items():
            self._put(root, kind, layer, self._linear(kind, layer, *size))
        self._put(root, "input_norm", layer, self._norm())
        self._put(root, "mlp_norm", layer, self._norm())
        if n["qk_norm"]:
            self._put(root, "query_norm", layer, PareRMSNorm(width, n["norm_eps"]))
            self._put(root, "key_norm", layer, PareRMSNorm(width, n["norm_eps"]))

    def _norm(self):
        width, eps = self.network["hidden_size"], self.network["norm_eps"]
        return nn.LayerNorm(width, eps=eps) if self.network["layer_norm"] else PareRMSNorm(width, eps)

    def _linear(self, kind, layer, size_in, size_out):
        entry = self.linears.get(self._name(kind, layer))
        if entry is None:
            return nn.Linear(size_in, size_out, bias=kind in self.network["biases"])
        bias = entry.get("bias", False)
        if entry["form"] == "factored":
            return Factored(size_in, size_out, entry["rank"], bias)
        if entry["form"] != "dense":
            raise ValueError(f"pare: {self._name(kind, layer)} has the form {entry['form']!r}, expected 'factored' or 'dense'")
        return nn.Linear(size_in, size_out, bias=bias)

    def _name(self, what, layer):
        return self.names[what].replace("{}", str(layer))

    def _put(self, root, what, layer, module):
        *path, leaf = self._name(what, layer).split(".")
        for step in path:
            if step not in root._modules:
                root.add_module(step, nn.Module())
            root = root._modules[step]
        root.add_module(leaf, module)
        self.places[what, layer] = (root, leaf)

    def module(self, what, layer=None):
        parent, leaf = self.places[what, layer]
        return getattr(parent, leaf)

    def replace(self, what, module):
        parent, leaf = self.places[what, None]
        setattr(parent, leaf, module)

    # Computation.

    def run(self, tokens=None, embeds=None, cache=None, mask=None, positions=None, keep=0, states=None):
        """Returns the logits, [batch, length, vocabulary]; those of the last keep positions where keep is not 0.

        mask is [batch, total], 0 where a token is padding. states, where it is a list, gets h before each layer and what the last
        norm makes.
        """
        h = self.module("embedding")(tokens) if embeds is None else embeds
        length = h.shape[1]
        past = cache.get_seq_length() if cache is not None else 0
        if positions is None:
            positions = self._count(past, length, mask, h.device)
        if self.positions["learned"]:
            h = h + self.module("positions")(positions + self.positions.get("offset", 0))
        turn = self._turns(positions, past + length, h)
        for layer, shape in enumerate(self.network["layers"]):
            if states is not None:
                states.append(h)
            h = h + self._attend(self.module("input_norm", layer)(h), layer, shape, turn, cache, past, mask)
            h = h + self._mlp(self.module("mlp_norm", layer)(h), layer)
        h = self.module("final_norm")(h)
        if states is not None:
            states.append(h)
        if keep:
            h = h[:, -keep:]
        if self.network["tied"]:
            return F.linear(h, self.module("embedding").weight)
        return self.module("head")(h)

    def _count(self, past, length, mask, device):
        """Positions, which begin behind the padding."""
        if mask is None:
            return torch.arange(past, past + length, device=device)[None]
        return (mask.long().cumsum(-1) - 1).clamp(min=0)[:, -length:]

    def _turns(self, positions, total, h):
        """Cosines and sines, [batch, 1, length, pairs]; None where nothing turns."""
        if self.positions["learned"]:
            return None
        exact = torch.float32 if h.device.type == "mps" else torch.float64
        frequencies = torch.tensor(self._frequencies(total), dtype=exact, device=h.device)
        angles = positions.to(exact)[:, None, :, None] * frequencies
        scale = self.positions["scale"]
        return (angles.cos() * scale).to(h.dtype), (angles.sin() * scale).to(h.dtype)

    def _frequencies(self, total):
        dynamic = self.positions.get("dynamic")
        if dynamic is None:
            return self.positions["frequencies"]
        n = 2 * len(self.positions["frequencies"])
        longer = max(total, dynamic["original"]) / dynamic["original"]
        theta = dynamic["theta"] * (dynamic["factor"] * longer - (dynamic["factor"] - 1)) ** (n / (n - 2))
        return [theta ** (-2 * j / n) for j in range(n // 2)]

    def _turn(self, x, turn):
        if turn is None:
            return x
        cos, sin = turn
        pairs = cos.shape[-1]
        first, rest = x[..., : 2 * pairs], x[..., 2 * pairs :]
        if self.positions["interleaved"]:
            a, b = first[..., 0::2], first[..., 1::2]
            first = torch.stack((a * cos - b * sin, b * cos + a * sin), dim=-1).flatten(-2)
        else:
            a, b = first[..., :pairs], first[..., pairs:]
            first = torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)
        return torch.cat((first, rest), dim=-1)

    def _attend(self, x, layer, shape, turn, cache, past, mask):
        batch, length, _ = x.shape

        def heads(kind, count, norm=None):
            y = self.module(kind, layer)(x).view(batch, length, count, -1)
            if norm is not None and self.network["qk_norm"]:
                y = self.module(norm, layer)(y)
            return y.transpose(1, 2)

        q = self._turn(heads("q_proj", shape["heads"], "query_norm"), turn)
        k = self._turn(heads("k_proj", shape["kv_heads"], "key_norm"), turn)
        v = heads("v_proj", shape["kv_heads"])
        if cache is not None:
            k, v = cache.update(k, v, layer)
        shared = shape["heads"] // shape["kv_heads"]
        if shared > 1:
            k, v = k.repeat_interleave(shared, dim=1), v.repeat_interleave(shared, dim=1)
        seen = self._seen(past, length, k.shape[2], shape["window"], mask, x.device)
        y = attention(q, k, v, seen).transpose(1, 2).reshape(batch, length, -1)
        return self.module("o_proj", layer)(y)

    def _seen(self, past, length, keys, window, mask, device):
        """Which keys a query sees, [1 or batch, 1, length, keys]. The keys are the last ones: a cache may drop those behind the window."""
        i = torch.arange(past, past + length, device=device)[:, None]
        j = torch.arange(past + length - keys, past + length, device=device)[None]
        seen = j <= i
        if window:
            seen = seen & (j > i - window)
        seen = seen[None, None]
        if mask is not None:  # a padded token sees itself, so that its row is not empty
            seen = seen & (mask[:, None, None, -keys:].bool() | (i == j))
        return seen

    def _mlp(self, x, layer):
        f = ACTIVATIONS[self.network["activation"]]
        up = self.module("up_proj", layer)(x)
        mid = f(self.module("gate_proj", layer)(x)) * up if self.network["gated"] else f(up)
        return self.module("down_proj", layer)(mid)


def attention(q, k, v, seen):
    """softmax(q kᵀ / sqrt(head_dim)) v over the keys that are seen."""
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
    scores = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(q.shape[-1])
    scores = scores.float().masked_fill(~seen, float("-inf"))
    return torch.matmul(torch.softmax(scores, dim=-1).to(v.dtype), v)


def next_token_loss(logits, labels, items=None):
    """Mean of −ln p of each label, from the tokens before it; −100 is no label. With items the sum is divided by that."""
    logits = logits[:, :-1].float().flatten(0, 1)
    labels = labels[:, 1:].flatten().to(logits.device)
    if items is None:
        return F.cross_entropy(logits, labels, ignore_index=-100)
    return F.cross_entropy(logits, labels, ignore_index=-100, reduction="sum") / items


class PareNetwork(nn.Module):
    """The network by itself: tokens [batch, length] to logits [batch, length, vocabulary]."""

    def __init__(self, section):
        super().__init__()
        self.network = Network(self, section)

    def forward(self, tokens, **options):
        return self.network.run(tokens, **options)


try:
    import transformers
except ImportError:  # the network runs without
    transformers = None

if transformers is not None:
    from transformers import DynamicCache, GenerationMixin, PretrainedConfig, PreTrainedModel
    from transformers.modeling_outputs import CausalLMOutputWithPast

    class PareConfig(PretrainedConfig):
        """The configuration; its section "pare" says everything that the network needs."""

        model_type = "pare"
        keys_to_ignore_at_inference = ["past_key_values"]

        def __init__(self, pare=None, **kwargs):
            self.pare = pare
            if pare is not None:
                network = pare["network"]
                kwargs["vocab_size"] = network["vocab_size"]
                kwargs["hidden_size"] = network["hidden_size"]
                kwargs["num_hidden_layers"] = len(network["layers"])
                kwargs["num_attention_heads"] = max(layer["heads"] for layer in network["layers"])
                kwargs["num_key_value_heads"] = max(layer["kv_heads"] for layer in network["layers"])
                kwargs["head_dim"] = network["head_dim"]
                kwargs["max_position_embeddings"] = network["max_position_embeddings"]
            super().__init__(**kwargs)

    class PareForCausalLM(PreTrainedModel, GenerationMixin):
        """The network as a causal language model of transformers: on one device, keys and values in a DynamicCache."""

        config_class = PareConfig
        base_model_prefix = ""
        main_input_name = "input_ids"
        _supports_cache_class = True
        _supports_static_cache = False

        def __init__(self, config):
            super().__init__(config)
            if not config.pare or "network" not in config.pare:
                raise ValueError('pare: config.json has no section "pare" with a "network"; export the model again')
            self.network = Network(self, config.pare)
            self.post_init()

        def get_input_embeddings(self):
            return self.network.module("embedding")

        def set_input_embeddings(self, value):
            self.network.replace("embedding", value)

        def get_output_embeddings(self):
            return None if self.network.network["tied"] else self.network.module("head")

        def set_output_embeddings(self, value):
            if not self.network.network["tied"]:
                self.network.replace("head", value)

        def forward(self, input_ids=None, attention_mask=None, position_ids=None, past_key_values=None, inputs_embeds=None, labels=None,
                    use_cache=None, output_hidden_states=None, return_dict=None, logits_to_keep=0, num_items_in_batch=None, **kwargs):
            if use_cache is None:
                use_cache = not self.training and labels is None
            if use_cache and past_key_values is None:
                past_key_values = DynamicCache()
            states = [] if output_hidden_states else None
            keep = logits_to_keep if isinstance(logits_to_keep, int) and labels is None else 0
            logits = self.network.run(
                input_ids, embeds=inputs_embeds, cache=past_key_values, mask=attention_mask, positions=position_ids, keep=keep, states=states)
            loss = None
            if labels is not None:
                loss = next_token_loss(logits, labels, num_items_in_batch)
            output = CausalLMOutputWithPast(
                loss=loss, logits=logits, past_key_values=past_key_values, hidden_states=tuple(states) if states is not None else None)
            return output.to_tuple() if return_dict is False else output

        def prepare_inputs_for_generation(self, input_ids, past_key_values=None, attention_mask=None, inputs_embeds=None, use_cache=True, **kwargs):
            past = past_key_values.get_seq_length() if past_key_values is not None else 0
            inputs = {"past_key_values": past_key_values, "attention_mask": attention_mask, "use_cache": use_cache}
            if inputs_embeds is not None and past == 0:
                inputs["inputs_embeds"] = inputs_embeds
                return inputs
            total = attention_mask.shape[1] if attention_mask is not None else input_ids.shape[1]
            inputs["input_ids"] = input_ids[:, -max(1, total - past):]
            return inputs
