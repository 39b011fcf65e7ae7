"""What prefect.yaml and the base job templates make of a run, by the worker types' own models and AWS's own schema."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.validate import validate_parameters
from prefect.client.schemas.objects import FlowRun
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_URL,
    PREFECT_PROFILES_PATH,
    load_profiles,
    temporary_settings,
)
from prefect.utilities.schema_tools import is_valid_schema, validate
from prefect.workers.process import ProcessJobConfiguration
from prefect_aws.workers.ecs_worker import ECSJobConfiguration, ECSWorker
from prefect_docker.worker import DockerWorkerJobConfiguration

from deployments import work_pools
from deployments.local.folders import PROJECT
from tests.tools.servers import S3Server

SECRET = "admin:marker-api-password"
MODELS = {"process": ProcessJobConfiguration, "docker": DockerWorkerJobConfiguration, "ecs": ECSJobConfiguration}
FILES = ("prefect.yaml", "deployments/aws/prefect.ecs.yaml")
DEPLOYMENTS = {
    # Two flows have a deployment named weekly; none of those is asked for below.
    one["name"]: one
    for file in FILES
    for one in yaml.safe_load((PROJECT / file).read_text())["deployments"]
}


def job_variables(deployment: str) -> dict[str, Any]:
    found: dict[str, Any] = DEPLOYMENTS[deployment]["work_pool"].get("job_variables", {})
    return found


async def configuration(deployment: str) -> Any:
    """Build a run's configuration as the pool's worker does, on a worker that knows the password of the API."""
    kind = work_pools.POOLS[DEPLOYMENTS[deployment]["work_pool"]["name"]]
    template = await template_of(kind)
    run = FlowRun(id=uuid.uuid4(), flow_id=uuid.uuid4(), name="2026-11-24 sample")
    own = {PREFECT_API_URL: "http://prefect:4200/api", PREFECT_API_AUTH_STRING: SECRET, PREFECT_API_KEY: "marker-key"}
    with temporary_settings(own):
        made = await MODELS[kind].from_template_and_values(template, job_variables(deployment), client=object())
        made.prepare_for_flow_run(run)
    return made


async def template_of(kind: str) -> dict[str, Any]:
    from prefect.utilities.asyncutils import run_sync_in_worker_thread

    found: dict[str, Any] = await run_sync_in_worker_thread(work_pools.base_job_template, kind)
    return found


def test_pools_of_prefect_yaml_are_those_that_deploy_creates() -> None:
    assert {one["work_pool"]["name"] for one in DEPLOYMENTS.values()} == set(work_pools.POOLS)


@pytest.mark.parametrize("deployment", ["daily", "docker", "ecs"])
def test_job_variables_fit_the_schema_of_the_pools_template(deployment: str) -> None:
    kind = work_pools.POOLS[DEPLOYMENTS[deployment]["work_pool"]["name"]]
    schema = work_pools.base_job_template(kind)["variables"]
    is_valid_schema(schema)
    validate(job_variables(deployment), schema, raise_on_error=True)
    unknown = set(job_variables(deployment)) - set(schema["properties"])
    assert not unknown


@pytest.mark.parametrize("deployment", ["daily", "docker", "ecs"])
@pytest.mark.anyio
async def test_configuration_of_a_run_is_what_its_worker_takes(deployment: str) -> None:
    made = await configuration(deployment)
    assert made.env["PREFECT_API_URL"] == "http://prefect:4200/api"


@pytest.mark.anyio
async def test_docker_run_mounts_the_named_volume_read_only_and_gets_no_secret() -> None:
    made = await configuration("docker")
    assert "dl_volume:/datalake/raw/data:ro" in made.volumes
    assert SECRET not in json.dumps(made.model_dump(mode="json"))
    assert not {"PREFECT_API_AUTH_STRING", "PREFECT_API_KEY"} & set(made.env)
    assert made.image.startswith("csv-to-raw-lake:")


@pytest.mark.anyio
async def test_ecs_task_has_role_log_group_memory_and_read_only_folder_and_gets_no_secret(
    moto: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The worker asks EC2 for the subnets of the account's default VPC.
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto.secret_key)
    made = await configuration("ecs")
    worker = ECSWorker(work_pool_name="lake-ecs")
    run = FlowRun(id=uuid.uuid4(), flow_id=uuid.uuid4(), name="2026-11-24 sample")
    definition = worker._prepare_task_definition(made, "sa-east-1", run)
    arn = "arn:aws:ecs:sa-east-1:123456789012:task-definition/lake:1"
    request = worker._prepare_task_run_request(made, definition, arn, new_task_definition_registered=True)
    model = boto3.client("ecs", region_name="sa-east-1").meta.service_model
    validate_parameters(definition, model.operation_model("RegisterTaskDefinition").input_shape)
    validate_parameters(request, model.operation_model("RunTask").input_shape)

    (container,) = definition["containerDefinitions"]
    assert container["mountPoints"] == [
        {"sourceVolume": "data", "containerPath": "/datalake/raw/data", "readOnly": True}
    ]
    assert definition["volumes"][0]["efsVolumeConfiguration"]["fileSystemId"].startswith("fs-")
    assert container["logConfiguration"]["options"]["awslogs-group"] == "/ecs/csv-to-raw-lake"
    assert [secret["name"] for secret in container["secrets"]] == ["PREFECT_API_AUTH_STRING"]
    assert request["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
    assert request["overrides"]["taskRoleArn"].endswith(":role/csv-to-raw-lake-task")
    assert definition["memory"] == str(job_variables("ecs")["memory"])
    assert SECRET not in json.dumps([definition, request])
    assert "marker-key" not in json.dumps([definition, request])


def test_template_that_takes_only_strings_takes_null_afterwards() -> None:
    schema = {"type": "object", "properties": {"env": {"type": "object", "additionalProperties": {"type": "string"}}}}
    made = work_pools.allow_unset({"variables": schema})["variables"]
    validate({"env": {"PREFECT_API_KEY": None}}, made, raise_on_error=True)
    with pytest.raises(Exception, match="1"):
        validate({"env": {"PREFECT_API_KEY": 1}}, made, raise_on_error=True)


def test_ecs_template_without_a_file_system_is_refused() -> None:
    variables = {name: value for name, value in job_variables("ecs").items() if name != "efs_file_system_id"}
    schema = work_pools.base_job_template("ecs")["variables"]
    with pytest.raises(Exception, match="efs_file_system_id"):
        validate(variables, schema, raise_on_error=True)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_password_of_the_api_is_read_from_the_mounted_profile(tmp_path: Path) -> None:
    profiles = tmp_path / "profiles.toml"
    profiles.write_text(f'active = "lake"\n[profiles.lake]\nPREFECT_API_AUTH_STRING = "{SECRET}"\n')
    with temporary_settings({PREFECT_PROFILES_PATH: profiles}):
        active = load_profiles().active_profile
    assert active is not None
    assert active.settings[PREFECT_API_AUTH_STRING] == SECRET
