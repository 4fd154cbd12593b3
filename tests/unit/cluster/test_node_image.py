"""kind's containerd configuration is changed in known places only; a new shape of it is an error, not a guess."""

import pytest

from tests.cluster.errors import ClusterError
from tests.cluster.node_image import adapted_containerd_config

CONFIG = """\
version = 2

[proxy_plugins]
# fuse-overlayfs is used for rootless
[proxy_plugins."fuse-overlayfs"]
  type = "snapshot"
  address = "/run/containerd-fuse-overlayfs.sock"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.test/pause:3.10"
  restrict_oom_score_adj = false
"""


def test_the_pause_image_is_this_kubeadms_and_fuse_overlayfs_is_gone() -> None:
    adapted = adapted_containerd_config(CONFIG, "registry.test/pause:3.10.1", may_raise_limits=True)
    assert 'sandbox_image = "registry.test/pause:3.10.1"' in adapted
    assert "fuse-overlayfs.sock" not in adapted
    assert "restrict_oom_score_adj = false" in adapted


def test_oom_scores_are_not_lowered_where_that_is_forbidden() -> None:
    assert "restrict_oom_score_adj = true" in adapted_containerd_config(CONFIG, "x/pause:1", may_raise_limits=False)


def test_a_configuration_of_another_shape_is_refused() -> None:
    with pytest.raises(ClusterError, match="has changed"):
        adapted_containerd_config("version = 3\n", "x/pause:1", may_raise_limits=True)
