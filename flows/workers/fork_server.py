"""What the fork server of `flows.workers.processes` imports before it forks: everything that a worker process needs.

Importing it takes what is in memory out of the garbage collector's hands, which would otherwise write to every page of
it in every child and so undo the sharing; nobody else should import it.
"""

from __future__ import annotations

import gc

import awscrt.checksums
import boto3

import blocks.lake_credentials
import blocks.sessions
import flows.lake.raw.quarantine
import flows.lake.raw.upload
import flows.lake.tables.profile
import flows.workers.processes

__all__ = ["awscrt", "blocks", "boto3", "flows"]

# Reads S3's description into what all sessions share; no connection is made.
_session = boto3.Session(region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106
blocks.sessions.share_descriptions(_session)
_session.client("s3")
gc.collect()
gc.freeze()
