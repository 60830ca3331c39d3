"""What the labs prove of themselves."""


def pytest_configure(config):
    config.addinivalue_line("markers", "proof: takes long; only in `make test-all`")
