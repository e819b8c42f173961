"""A hook after every cell publishes a result of its own."""


def publish(*args):
    get_ipython().display_pub.session.send(
        get_ipython().display_pub.pub_socket,
        "execute_result",
        {"data": {"text/plain": "1.0"}, "metadata": {}, "execution_count": 1},
        parent=get_ipython().display_pub.parent_header,
    )


get_ipython().events.register("pre_run_cell", publish)
