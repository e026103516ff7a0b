"""The manifests under docs/deploy/: parsed, and their ports, paths, settings and user compared with the code."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.auth import OPEN_PATHS, KeyRing, check_exposure, fingerprint
from service.settings import PREFIX, Settings

Document = dict[str, Any]


@pytest.fixture(scope="module")
def image(root: Path) -> dict[str, str]:
    """What the Dockerfile sets: its environment, user and port."""
    lines = (root / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    found = dict(re.findall(r"(STANCE_\w+)=(\S+)", text))
    for name in ("USER", "EXPOSE"):
        found[name] = re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)[-1]
    return found


@pytest.fixture(scope="module")
def compose(root: Path) -> Document:
    """The service of the compose file."""
    document = yaml.safe_load((root / "docs" / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    (service,) = document["services"].values()
    return {**service, "all_secrets": document["secrets"]}


@pytest.fixture(scope="module")
def manifests(root: Path) -> dict[str, Document]:
    """The documents of the Kubernetes file by kind."""
    text = (root / "docs" / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8")
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


@pytest.fixture(scope="module")
def pod(manifests: dict[str, Document]) -> Document:
    """What the deployment runs."""
    return dict(manifests["Deployment"]["spec"]["template"]["spec"])


@pytest.fixture(scope="module")
def container(pod: Document) -> Document:
    """The one container of the pod."""
    (only,) = pod["containers"]
    return dict(only)


def in_force(image: dict[str, str], given: dict[str, str], folder: Path) -> Settings:
    """The settings of a deployment, its keys' file laid where it can be read here. Raises where they are refused."""
    keys = folder / "keys"
    keys.write_text(f"desk {fingerprint(b'x')}\n")
    own = {name: value for name, value in image.items() if name.startswith(PREFIX)}
    settings = Settings.read({**own, **given, "STANCE_KEYS_FILE": str(keys)})
    check_exposure(settings, KeyRing(settings))
    return settings


def seconds(text: str) -> float:
    """The seconds of a duration of compose."""
    return float(text.removesuffix("s"))


def test_the_image_needs_keys(image: dict[str, str]) -> None:
    """The image listens for everybody and brings no leave to do so without keys."""
    assert image["STANCE_HOST"] == "0.0.0.0"
    assert not {"STANCE_INSECURE", "STANCE_KEYS", "STANCE_KEYS_FILE"} & image.keys()


def test_both_run_the_image_of_this_version(root: Path, compose: Document, container: Document) -> None:
    """The image is tagged with the project's own version: one of an earlier build is not taken for it."""
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert compose["image"] == container["image"] == f"parley:{version}"


def test_the_recipes_make_keys_that_the_image_can_read(root: Path) -> None:
    """Where a recipe binds a file of keys into a container, it also lets the image's user read it."""
    for path in ("Dockerfile", "docs/deploy/compose.yaml"):
        comments = [line for line in (root / path).read_text(encoding="utf-8").splitlines() if line.startswith("#")]
        made = [line for line in comments if "service.keys" in line]
        assert made, path
        assert all("chmod 644 keys.txt" in line for line in made), path


def test_compose_agrees_with_the_code(image: dict[str, str], compose: Document, tmp_path: Path) -> None:
    """Each variable is a setting, the port is the image's and open to this machine alone, the end is long enough."""
    settings = in_force(image, compose["environment"], tmp_path)
    (port,) = compose["ports"]
    assert port == f"127.0.0.1:8000:{image['EXPOSE']}"
    assert settings.port == int(image["EXPOSE"])
    assert seconds(compose["stop_grace_period"]) > settings.drain_seconds + 5
    assert settings.threads == compose["cpus"]
    assert settings.log_format == "json"


def test_compose_keeps_the_container_small(image: dict[str, str], compose: Document) -> None:
    """Not root, a root that cannot be written, no privileges, bounded memory and processes, keys from a secret."""
    assert compose["user"].split(":")[0] == image["USER"]
    assert compose["read_only"] is True
    assert compose["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in compose["security_opt"]
    assert compose["mem_limit"]
    assert compose["pids_limit"]
    (secret,) = compose["secrets"]
    assert compose["environment"]["STANCE_KEYS_FILE"] == f"/run/secrets/{secret}"
    assert secret in compose["all_secrets"]


def test_the_health_check_of_compose_asks_an_open_path(image: dict[str, str], compose: Document) -> None:
    """It is Python, asks at the port of the image, and at a path that needs no key."""
    kind, python, flag, program = compose["healthcheck"]["test"]
    assert [kind, python, flag] == ["CMD", "python", "-c"]
    compile(program, "healthcheck", "exec")
    found = re.search(r"http://127\.0\.0\.1:(\d+)(/[\w/]+)", program)
    assert found
    assert found[1] == image["EXPOSE"]
    assert found[2] in OPEN_PATHS


def test_kubernetes_agrees_with_the_code(
    image: dict[str, str], manifests: dict[str, Document], pod: Document, container: Document, tmp_path: Path
) -> None:
    """Each variable is a setting, ports and labels fit together, threads fit the limit, the end is long enough."""
    settings = in_force(image, {entry["name"]: entry["value"] for entry in container["env"]}, tmp_path)
    (port,) = container["ports"]
    assert port["containerPort"] == settings.port == int(image["EXPOSE"])
    (exposed,) = manifests["Service"]["spec"]["ports"]
    assert exposed["targetPort"] == port["name"]
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (
        manifests["Deployment"]["spec"]["selector"]["matchLabels"],
        manifests["Service"]["spec"]["selector"],
        manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    assert settings.threads == int(container["resources"]["limits"]["cpu"])
    waits = re.findall(r"sleep\((\d+)\)", json.dumps(container["lifecycle"]["preStop"]))
    assert pod["terminationGracePeriodSeconds"] > settings.drain_seconds + int(waits[0]) + 5
    assert manifests["PodDisruptionBudget"]["spec"]["minAvailable"] < manifests["Deployment"]["spec"]["replicas"]


def test_the_probes_ask_open_paths(container: Document) -> None:
    """Readiness and start ask /health/ready, liveness only whether the process turns; none needs a key."""
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert paths == {"startup": "/health/ready", "readiness": "/health/ready", "liveness": "/health/live"}
    assert set(paths.values()) <= OPEN_PATHS
    assert {container[f"{name}Probe"]["httpGet"]["port"] for name in paths} == {container["ports"][0]["name"]}


def test_kubernetes_keeps_the_container_small(image: dict[str, str], pod: Document, container: Document) -> None:
    """Not root, a root that cannot be written, no privileges and no account, bounded memory, keys from a secret."""
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == int(image["USER"])
    assert pod["automountServiceAccountToken"] is False
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert mounts.keys() == volumes.keys()
    assert volumes["keys"]["secret"]["secretName"]
    assert mounts["keys"]["readOnly"] is True
    (path,) = [entry["value"] for entry in container["env"] if entry["name"] == "STANCE_KEYS_FILE"]
    assert path == f"{mounts['keys']['mountPath']}/keys"


def test_a_deployment_without_keys_would_not_start(image: dict[str, str]) -> None:
    """The check can fail: the image's own settings, with no keys added, are refused."""
    from service.settings import SettingsError

    settings = Settings.read({name: value for name, value in image.items() if name.startswith(PREFIX)})
    with pytest.raises(SettingsError, match="STANCE_HOST"):
        check_exposure(settings, KeyRing(settings))
