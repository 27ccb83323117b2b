from tests.host.server import Server


def test_the_pack_is_loaded(server: Server) -> None:
    assert "IMPORT FAILED" not in server.log
    assert server.ask("/object_info/KSampler")
