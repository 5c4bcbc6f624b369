"""The files in ``deploy/`` name each other's services and settings correctly."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pdfsluice import config
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.plugins.object_store import objects as requests
from tests.support.balancers import DEPLOY, KINDS, configuration
from tests.support.clusters import node_settings

S3_SETTINGS = "PDFSLUICE_PLUGINS__OBJECT_STORE__"


@pytest.fixture(scope="module")
def compose() -> Any:
    """The services that the manual starts."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_every_file_and_volume_of_compose_exists(compose: Any) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).is_file(), volume
        for name in service.get("depends_on", ()):
            assert name in compose["services"]
        if "build" in service:
            context = DEPLOY / service["build"]["context"]
            assert (context / service["build"]["dockerfile"]).is_file()
            assert (DEPLOY / service["env_file"]).is_file()


def test_the_balancers_name_the_nodes_of_compose(compose: Any) -> None:
    nodes = {name for name in compose["services"] if name.startswith("pdfsluice-")}
    for file in ("nginx.conf", "haproxy.cfg"):
        text = (DEPLOY / file).read_text()
        assert set(re.findall(r"(pdfsluice-\d):8000", text)) == nodes
    (published,) = compose["services"]["nginx"]["ports"]
    assert published.endswith(":8080")
    assert "EXPOSE 8000" in (DEPLOY / "Dockerfile").read_text()


def test_the_settings_of_nodes_are_settings_and_fit_the_services(compose: Any) -> None:
    manager = PluginManager.load(third_party=False)
    sections = {spec.name: spec.model for _, spec in manager.options()}
    settings = node_settings()
    loaded = config.load(sections=sections, environment=settings)
    assert loaded.settings.upload_store == "object"
    services = compose["services"]
    database = services["postgres"]["environment"]
    expected = f"{database['POSTGRES_USER']}:{database['POSTGRES_PASSWORD']}@postgres"
    url = f"postgresql://{expected}/{database['POSTGRES_DB']}"
    assert settings["PDFSLUICE_PLUGINS__DATABASE__URL"] == url
    s3 = services["s3"]["environment"]
    assert settings[f"{S3_SETTINGS}ACCESS_KEY_ID"] == s3["ROOT_ACCESS_KEY"]
    assert settings[f"{S3_SETTINGS}SECRET_ACCESS_KEY"] == s3["ROOT_SECRET_KEY"]
    assert settings[f"{S3_SETTINGS}ENDPOINT"] == f"http://s3{s3['VGW_PORT']}"
    bucket = settings[f"{S3_SETTINGS}URL"].split("/")[2]
    assert services["bucket"]["command"][-1] == f"{services['s3']['command'][-1]}/{bucket}"
    assert loaded.settings.index == "postgres"
    assert "pgvector" in services["postgres"]["image"]


def test_the_rights_are_those_of_the_requests_that_are_sent() -> None:
    """Each call of the object store's library needs certain rights; no other is given."""
    rights = {
        "put": {"s3:PutObject", "s3:AbortMultipartUpload"},
        "get_range": {"s3:GetObject"},
        "head": {"s3:GetObject"},
        "copy": {"s3:GetObject", "s3:PutObject"},
        "delete": {"s3:DeleteObject"},
        "list": {"s3:ListBucket"},
    }
    source = Path(requests.__file__).read_text()
    needed = {right for call in re.findall(r"\bobstore\.(\w+)\(", source) for right in rights[call]}
    policy = json.loads((DEPLOY / "s3-policy.json").read_text())
    given: set[str] = set()
    folder = node_settings()[f"{S3_SETTINGS}URL"].removeprefix("s3://")
    for statement in policy["Statement"]:
        actions = statement["Action"]
        given |= {actions} if isinstance(actions, str) else set(actions)
        resource = statement["Resource"].removeprefix("arn:aws:s3:::")
        assert resource in {f"{folder}/*", folder.split("/")[0]}
    assert given == needed
    (rule,) = json.loads((DEPLOY / "s3-lifecycle.json").read_text())["Rules"]
    assert rule["Filter"]["Prefix"] == f"{folder.split('/')[1]}/documents/"


def test_the_manual_names_every_file_and_service(compose: Any) -> None:
    page = (DEPLOY.parent / "docs/how-to/run-a-cluster.md").read_text()
    files = {path.name for path in DEPLOY.iterdir() if path.is_file()} - {"Dockerfile"}
    assert files <= set(re.findall(r"\]\(\.\./\.\./deploy/([\w.-]+)\)", page))
    assert set(re.findall(r"pdfsluice-\d", page)) <= compose["services"].keys()


@pytest.mark.parametrize("kind", KINDS)
def test_balancers_accept_their_configuration(kind: str, tmp_path: Path) -> None:
    name = kind.split(maxsplit=1)[0]
    program = shutil.which(name) or shutil.which(f"/usr/sbin/{name}")
    if program is None:
        pytest.skip(f"{name} is not installed")
    text = configuration(kind, 1, (2, 3, 4))
    file = tmp_path / "balancer.conf"
    if name == "nginx":
        text = f"pid {tmp_path}/pid; error_log stderr;\nevents {{}}\nhttp {{\n{text}\n}}\n"
        command = [program, "-t", "-p", str(tmp_path), "-c", str(file)]
    else:
        command = [program, "-c", "-f", str(file)]
    file.write_text(text)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert text.count("127.0.0.1:") == 4
