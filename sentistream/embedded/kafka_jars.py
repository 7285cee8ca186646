"""Apache Kafka's jars, by their Maven coordinates, in a cache folder that all projects on the machine share."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import structlog

from sentistream.errors import MissingPrerequisiteError, SentistreamError, StartError

log = structlog.get_logger()

KAFKA_VERSION: Final = "4.1.1"
_LOG4J_VERSION: Final = "2.24.3"
_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_FETCH_TIMEOUT_S: Final = 600

_POM: Final = f"""<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>sentistream</groupId><artifactId>embedded-kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>{_LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


def cache_folder() -> Path:
    """Where downloads are kept: ``SENTISTREAM_CACHE``, else ``~/.cache/sentistream``."""
    return Path(os.environ.get("SENTISTREAM_CACHE") or Path.home() / ".cache" / "sentistream")


def kafka_jars() -> Path:
    """The folder with the jars, fetched if they are not there yet.

    Raises:
        MissingPrerequisiteError: there is no Maven to fetch them with.
        StartError: Maven failed; the text quotes what it said.
    """
    folder = cache_folder() / f"kafka-{KAFKA_VERSION}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingPrerequisiteError("Maven is missing: apt-get install maven (Debian), brew install maven (macOS)")
    log.info("kafka_jars_fetching", version=KAFKA_VERSION, folder=str(folder))
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        (Path(scratch) / "pom.xml").write_text(_POM)
        jars = Path(scratch) / "jars"
        done = subprocess.run(
            [maven, "--batch-mode", "--quiet", _PLUGIN, f"-DoutputDirectory={jars}", "-DincludeScope=runtime"],
            cwd=scratch,
            capture_output=True,
            text=True,
            timeout=_FETCH_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise StartError(
                f"Maven could not fetch Kafka {KAFKA_VERSION}; is its repository reachable? It said:\n{said}"
            )
        _publish(jars, folder)


def _publish(jars: Path, folder: Path) -> None:
    """Whole or not at all: two processes may fetch at once, and either may be killed."""
    try:
        jars.rename(folder)
    except OSError:
        if not folder.exists():
            raise


def main() -> None:
    """Fetch them ahead of time; the environment's set-up calls this."""
    try:
        kafka_jars()
    except SentistreamError as error:
        sys.exit(str(error))
