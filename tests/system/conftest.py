"""The tests of the whole system: marker `slow` keeps a test out of `make test-quick`."""


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes long; only in the full `make test`")
