"""A stand-in for the parts of Hugging Face transformers that modeling_pare.py uses, written from their documented behaviour.

It is not transformers: it shows that the classes run end to end, not that every version of the library takes them.
"""

import torch


class PretrainedConfig:
    model_type = ""

    def __init__(self, **kwargs):
        for name, value in kwargs.items():
            setattr(self, name, value)


class PreTrainedModel(torch.nn.Module):
    config_class = None

    def __init__(self, config):
        super().__init__()
        if not isinstance(config, PretrainedConfig):
            raise TypeError("expected a PretrainedConfig")
        self.config = config

    def post_init(self):
        self.ready = True


class DynamicCache:
    def __init__(self):
        self.keys, self.values = [], []

    def get_seq_length(self, layer_idx=0):
        return self.keys[layer_idx].shape[-2] if len(self.keys) > layer_idx else 0

    def update(self, key_states, value_states, layer_idx, cache_kwargs=None):
        if len(self.keys) == layer_idx:
            self.keys.append(key_states)
            self.values.append(value_states)
        else:
            self.keys[layer_idx] = torch.cat([self.keys[layer_idx], key_states], dim=-2)
            self.values[layer_idx] = torch.cat([self.values[layer_idx], value_states], dim=-2)
        return self.keys[layer_idx], self.values[layer_idx]


class GenerationMixin:
    """Greedy generation, as the library's loop goes: prepare, forward, append."""

    @torch.no_grad()
    def generate(self, input_ids, attention_mask=None, max_new_tokens=4):
        state = {"past_key_values": DynamicCache(), "attention_mask": attention_mask, "use_cache": True,
                 "cache_position": torch.arange(input_ids.shape[1])}
        if attention_mask is None:
            state["attention_mask"] = torch.ones_like(input_ids)
        for _ in range(max_new_tokens):
            inputs = self.prepare_inputs_for_generation(input_ids, **state)
            out = self(**inputs, return_dict=True)
            token = out.logits[:, -1].argmax(-1, keepdim=True)
            input_ids = torch.cat([input_ids, token], dim=1)
            state["past_key_values"] = out.past_key_values
            state["attention_mask"] = torch.cat([state["attention_mask"], torch.ones_like(token)], dim=1)
        return input_ids
