from their_lstm import TheirLSTM

from lstm_bench import parametrize_with_checks


@parametrize_with_checks([TheirLSTM], expected_failures={})
def test_their_lstm(lstm_check):
    lstm_check()
