from threading import Thread

from provisioner.local.home import one_at_a_time


def test_who_comes_second_to_a_shared_folder_waits(tmp_path):
    order = []

    def second():
        with one_at_a_time(tmp_path / "tools"):
            order.append("second")

    with one_at_a_time(tmp_path / "tools"):
        other = Thread(target=second)
        other.start()
        other.join(0.1)
        order.append("first")
    other.join()

    assert order == ["first", "second"]
