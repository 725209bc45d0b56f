"""LSTMs as tutorials, courses and blog posts write them."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class CustomLSTM(nn.Module):
    """Building an LSTM from scratch, part 2: one big matrix, batch first."""

    def __init__(self, input_sz, hidden_sz):
        super().__init__()
        self.input_sz = input_sz
        self.hidden_size = hidden_sz
        self.W = nn.Parameter(torch.Tensor(input_sz, hidden_sz * 4))
        self.U = nn.Parameter(torch.Tensor(hidden_sz, hidden_sz * 4))
        self.bias = nn.Parameter(torch.Tensor(hidden_sz * 4))
        self.init_weights()

    def init_weights(self):
        stdv = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            weight.data.uniform_(-stdv, stdv)

    def forward(self, x, init_states=None):
        """Assumes x is of shape (batch, sequence, feature)"""
        bs, seq_sz, _ = x.size()
        hidden_seq = []
        if init_states is None:
            h_t, c_t = (
                torch.zeros(bs, self.hidden_size).to(x.device),
                torch.zeros(bs, self.hidden_size).to(x.device),
            )
        else:
            h_t, c_t = init_states

        HS = self.hidden_size
        for t in range(seq_sz):
            x_t = x[:, t, :]
            # batch the computations into a single matrix multiplication
            gates = x_t @ self.W + h_t @ self.U + self.bias
            i_t, f_t, g_t, o_t = (
                torch.sigmoid(gates[:, :HS]),  # input
                torch.sigmoid(gates[:, HS : HS * 2]),  # forget
                torch.tanh(gates[:, HS * 2 : HS * 3]),
                torch.sigmoid(gates[:, HS * 3 :]),  # output
            )
            c_t = f_t * c_t + i_t * g_t
            h_t = o_t * torch.tanh(c_t)
            hidden_seq.append(h_t.unsqueeze(0))
        hidden_seq = torch.cat(hidden_seq, dim=0)
        # reshape from shape (sequence, batch, feature) to (batch, sequence, feature)
        hidden_seq = hidden_seq.transpose(0, 1).contiguous()
        return hidden_seq, (h_t, c_t)


class NaiveLSTM(nn.Module):
    """Part 1 of the same story: every gate spelled out."""

    def __init__(self, input_sz: int, hidden_sz: int):
        super().__init__()
        self.input_size = input_sz
        self.hidden_size = hidden_sz

        # i_t
        self.U_i = nn.Parameter(torch.empty(input_sz, hidden_sz))
        self.V_i = nn.Parameter(torch.empty(hidden_sz, hidden_sz))
        self.b_i = nn.Parameter(torch.zeros(hidden_sz))
        # f_t
        self.U_f = nn.Parameter(torch.empty(input_sz, hidden_sz))
        self.V_f = nn.Parameter(torch.empty(hidden_sz, hidden_sz))
        self.b_f = nn.Parameter(torch.ones(hidden_sz))
        # c_t
        self.U_c = nn.Parameter(torch.empty(input_sz, hidden_sz))
        self.V_c = nn.Parameter(torch.empty(hidden_sz, hidden_sz))
        self.b_c = nn.Parameter(torch.zeros(hidden_sz))
        # o_t
        self.U_o = nn.Parameter(torch.empty(input_sz, hidden_sz))
        self.V_o = nn.Parameter(torch.empty(hidden_sz, hidden_sz))
        self.b_o = nn.Parameter(torch.zeros(hidden_sz))

        for p in self.parameters():
            if p.ndim == 2:
                nn.init.xavier_uniform_(p)

    def forward(self, x: torch.Tensor, init_states=None):
        bs, seq_sz, _ = x.size()
        hidden_seq = []
        if init_states is None:
            h_t = x.new_zeros(bs, self.hidden_size)
            c_t = x.new_zeros(bs, self.hidden_size)
        else:
            h_t, c_t = init_states
        for t in range(seq_sz):
            x_t = x[:, t, :]
            i_t = torch.sigmoid(x_t @ self.U_i + h_t @ self.V_i + self.b_i)
            f_t = torch.sigmoid(x_t @ self.U_f + h_t @ self.V_f + self.b_f)
            g_t = torch.tanh(x_t @ self.U_c + h_t @ self.V_c + self.b_c)
            o_t = torch.sigmoid(x_t @ self.U_o + h_t @ self.V_o + self.b_o)
            c_t = f_t * c_t + i_t * g_t
            h_t = o_t * torch.tanh(c_t)
            hidden_seq.append(h_t)
        return torch.stack(hidden_seq, dim=1), (h_t, c_t)


class LSTMScratch(nn.Module):
    """Dive into Deep Learning: parameter triples, a list of steps."""

    def __init__(self, num_inputs, num_hiddens, sigma=0.01):
        super().__init__()
        self.num_inputs, self.num_hiddens, self.sigma = num_inputs, num_hiddens, sigma

        def init_weight(*shape):
            return nn.Parameter(torch.randn(*shape) * sigma)

        def triple():
            return (
                init_weight(num_inputs, num_hiddens),
                init_weight(num_hiddens, num_hiddens),
                nn.Parameter(torch.zeros(num_hiddens)),
            )

        self.W_xi, self.W_hi, self.b_i = triple()  # Input gate
        self.W_xf, self.W_hf, self.b_f = triple()  # Forget gate
        self.W_xo, self.W_ho, self.b_o = triple()  # Output gate
        self.W_xc, self.W_hc, self.b_c = triple()  # Input node

    def forward(self, inputs, H_C=None):
        if H_C is None:
            # Initial state with shape: (batch_size, num_hiddens)
            H = torch.zeros((inputs.shape[1], self.num_hiddens), device=inputs.device)
            C = torch.zeros((inputs.shape[1], self.num_hiddens), device=inputs.device)
        else:
            H, C = H_C
        outputs = []
        for X in inputs:
            I = torch.sigmoid(X @ self.W_xi + H @ self.W_hi + self.b_i)
            F = torch.sigmoid(X @ self.W_xf + H @ self.W_hf + self.b_f)
            O = torch.sigmoid(X @ self.W_xo + H @ self.W_ho + self.b_o)
            C_tilde = torch.tanh(X @ self.W_xc + H @ self.W_hc + self.b_c)
            C = F * C + I * C_tilde
            H = O * torch.tanh(C)
            outputs.append(H)
        return outputs, (H, C)


def get_lstm_params(num_inputs, num_hiddens, num_outputs):
    def normal(shape):
        return torch.randn(size=shape) * 0.01

    def three():
        return (
            normal((num_inputs, num_hiddens)),
            normal((num_hiddens, num_hiddens)),
            torch.zeros(num_hiddens),
        )

    params = [*three(), *three(), *three(), *three()]  # input, forget, output, candidate
    params += [normal((num_hiddens, num_outputs)), torch.zeros(num_outputs)]
    return nn.ParameterList(nn.Parameter(p) for p in params)


def init_lstm_state(batch_size, num_hiddens, like):
    return (like.new_zeros((batch_size, num_hiddens)), like.new_zeros((batch_size, num_hiddens)))


def lstm(inputs, state, params):
    [W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q] = params
    (H, C) = state
    outputs = []
    for X in inputs:
        I = torch.sigmoid((X @ W_xi) + (H @ W_hi) + b_i)
        F = torch.sigmoid((X @ W_xf) + (H @ W_hf) + b_f)
        O = torch.sigmoid((X @ W_xo) + (H @ W_ho) + b_o)
        C_tilda = torch.tanh((X @ W_xc) + (H @ W_hc) + b_c)
        C = F * C + I * C_tilda
        H = O * torch.tanh(C)
        Y = (H @ W_hq) + b_q
        outputs.append(Y)
    return torch.cat(outputs, dim=0), (H, C)


class FunctionalModel(nn.Module):
    """Holds the parameters; the functions do the work."""

    def __init__(self, num_inputs, num_hiddens, get_params, init_state, forward_fn):
        super().__init__()
        self.num_hiddens = num_hiddens
        self.params = get_params(num_inputs, num_hiddens, num_hiddens)
        self.init_state, self.forward_fn = init_state, forward_fn

    def begin_state(self, batch_size):
        return self.init_state(batch_size, self.num_hiddens, self.params[0])

    def forward(self, X, state):
        return self.forward_fn(X, state, self.params)


def scratch_model(num_inputs, num_hiddens):
    """Dive into Deep Learning, first edition: functions over a list of parameters."""
    return FunctionalModel(num_inputs, num_hiddens, get_lstm_params, init_lstm_state, lstm)


class CharLSTM(nn.Module):
    """Gates and output layer by hand; the logits of all steps as rows, time-major."""

    def __init__(self, input_size, hidden_size, output_size=13):
        super().__init__()
        self.hidden_size = hidden_size
        for gate in "ifoa":
            setattr(self, f"W_{gate}", nn.Parameter(torch.randn(input_size, hidden_size) * 0.1))
            setattr(self, f"U_{gate}", nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1))
            setattr(self, f"b_{gate}", nn.Parameter(torch.zeros(1, hidden_size)))
        self.W_h = nn.Parameter(torch.randn(hidden_size, output_size) * 0.1)
        self.b_h = nn.Parameter(torch.zeros(1, output_size))

    def init_state(self, inputs):
        shape = (inputs.shape[0], self.hidden_size)
        return inputs.new_zeros(shape), inputs.new_zeros(shape)

    def forward(self, inputs, states=None):
        h, c = self.init_state(inputs) if states is None else states
        outputs = []
        for x in inputs.unbind(1):
            i = torch.sigmoid(x @ self.W_i + h @ self.U_i + self.b_i)
            f = torch.sigmoid(x @ self.W_f + h @ self.U_f + self.b_f)
            o = torch.sigmoid(x @ self.W_o + h @ self.U_o + self.b_o)
            a = torch.tanh(x @ self.W_a + h @ self.U_a + self.b_a)
            c = f * c + i * a
            h = o * torch.tanh(c)
            outputs.append(h @ self.W_h + self.b_h)
        return torch.cat(outputs, dim=0), (h, c)


class BatchedLSTM(nn.Module):
    """After the well-known numpy gist: one matrix with the bias in its first row."""

    def __init__(self, input_size, hidden_size, fancy_forget_bias_init=3):
        super().__init__()
        # +1 for the biases, which will be the first row of WLSTM
        WLSTM = torch.randn(input_size + hidden_size + 1, 4 * hidden_size)
        WLSTM /= math.sqrt(input_size + hidden_size)
        WLSTM[0, :] = 0
        if fancy_forget_bias_init != 0:
            WLSTM[0, hidden_size : 2 * hidden_size] = fancy_forget_bias_init
        self.WLSTM = nn.Parameter(WLSTM)

    def forward(self, X, c0=None, h0=None):
        """X should be of shape (n,b,input_size), where n = length of sequence, b = batch size"""
        n, b, input_size = X.shape
        d = self.WLSTM.shape[1] // 4  # hidden size
        c = X.new_zeros(b, d) if c0 is None else c0
        h = X.new_zeros(b, d) if h0 is None else h0
        one = X.new_ones(b, 1)
        Hout = []
        for t in range(n):
            Hin = torch.cat([one, X[t], h], dim=1)
            IFOG = Hin @ self.WLSTM
            IFO = torch.sigmoid(IFOG[:, : 3 * d])
            G = torch.tanh(IFOG[:, 3 * d :])
            c = IFO[:, :d] * G + IFO[:, d : 2 * d] * c
            h = IFO[:, 2 * d :] * torch.tanh(c)
            Hout.append(h)
        return torch.stack(Hout), c, h


class CourseraLSTM(nn.Module):
    """Sequence Models, week 1: column vectors, [a_prev; x_t], gates f i c o y."""

    def __init__(self, n_x, n_a):
        super().__init__()
        self.n_a = n_a
        self.Wf = nn.Parameter(torch.randn(n_a, n_a + n_x) * 0.1)
        self.bf = nn.Parameter(torch.zeros(n_a, 1))
        self.Wi = nn.Parameter(torch.randn(n_a, n_a + n_x) * 0.1)
        self.bi = nn.Parameter(torch.zeros(n_a, 1))
        self.Wc = nn.Parameter(torch.randn(n_a, n_a + n_x) * 0.1)
        self.bc = nn.Parameter(torch.zeros(n_a, 1))
        self.Wo = nn.Parameter(torch.randn(n_a, n_a + n_x) * 0.1)
        self.bo = nn.Parameter(torch.zeros(n_a, 1))

    def lstm_cell_forward(self, xt, a_prev, c_prev):
        concat = torch.cat((a_prev, xt), dim=0)  # (n_a + n_x, m)
        ft = torch.sigmoid(self.Wf @ concat + self.bf)
        it = torch.sigmoid(self.Wi @ concat + self.bi)
        cct = torch.tanh(self.Wc @ concat + self.bc)
        c_next = ft * c_prev + it * cct
        ot = torch.sigmoid(self.Wo @ concat + self.bo)
        a_next = ot * torch.tanh(c_next)
        return a_next, c_next

    def forward(self, x):
        m, T_x, n_x = x.shape
        a = torch.zeros(self.n_a, m, dtype=x.dtype, device=x.device)
        c = torch.zeros(self.n_a, m, dtype=x.dtype, device=x.device)
        hiddens = []
        for t in range(T_x):
            a, c = self.lstm_cell_forward(x[:, t].t(), a, c)
            hiddens.append(a.t())
        return torch.stack(hiddens, 1)


class LSTMModel(nn.Module):
    """The notebook classic: own cell, zeros from the batch, a Linear on every step."""

    def __init__(self, input_dim, hidden_dim, layer_dim, output_dim):
        super().__init__()
        assert layer_dim == 1, "only one layer for now"
        self.hidden_dim = hidden_dim
        self.x2h = nn.Linear(input_dim, 4 * hidden_dim)
        self.h2h = nn.Linear(hidden_dim, 4 * hidden_dim)
        self.fc = nn.Linear(hidden_dim, output_dim)

    def forward(self, x):
        hn = torch.zeros(x.size(0), self.hidden_dim, device=x.device)
        cn = torch.zeros(x.size(0), self.hidden_dim, device=x.device)
        outs = []
        for seq in range(x.size(1)):
            gates = self.x2h(x[:, seq, :]) + self.h2h(hn)
            ingate, forgetgate, cellgate, outgate = gates.chunk(4, 1)
            ingate = F.sigmoid(ingate)
            forgetgate = F.sigmoid(forgetgate)
            cellgate = F.tanh(cellgate)
            outgate = F.sigmoid(outgate)
            cn = torch.mul(cn, forgetgate) + torch.mul(ingate, cellgate)
            hn = torch.mul(outgate, F.tanh(cn))
            outs.append(self.fc(hn))
        return torch.stack(outs, dim=1)
