class CausalLMOutputWithPast:
    def __init__(self, loss=None, logits=None, past_key_values=None, hidden_states=None, attentions=None):
        self.loss, self.logits, self.past_key_values, self.hidden_states, self.attentions = loss, logits, past_key_values, hidden_states, attentions

    def to_tuple(self):
        return tuple(v for v in (self.loss, self.logits, self.past_key_values, self.hidden_states, self.attentions) if v is not None)
