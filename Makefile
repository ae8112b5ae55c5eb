# make rehearse   a simulated fleet, disconnected and connected, is registered, twice
# make unit       pure tests
# make test       these, the modules against the simulator, and the main journeys' playbooks
# make deep       what takes long: other journeys and rows of tables, oldest ansible-core and libraries, AWX, proxies, throttling, kills, the
#                 simulator's own tests, molecule
# make molecule   the molecule scenarios alone: whole fleets
# make powershell the endpoint's cmdlets run by a real PowerShell: pwsh on the PATH, or named by AZS_PWSH
# make recordings ask that PowerShell again what the simulator's tests compare with
# make matrix     every supported ansible-core on every Python that is found (PAIRS="oldest newest" for two of them)
# make browser    the fleet report in Chromium, which has to be installed
# make style      ruff and mypy
# make lint       these, ansible-lint, ansible-test sanity, galaxy-importer, ansible-builder
# make nox        antsibull-nox: documentation, action groups, unwanted files, YAML
# make build      the collection's archive
# make measure    what the three legs cost per stamp, as docs/performance.md says
# make bench      fleets of up to 100 stamps, and tenant mapping beside a loop over azure.azcollection; takes an hour.
#                 PART=fleet or PART=tenants runs one of them, ARGS=... are its arguments (--help)
# make simulator  a simulated fleet in the foreground (FLEET=file names your own), to point any playbook at

PYTHON ?= python3
COLLECTION := ansible_collections/azurestack/hub
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.venv/collections
export ANSIBLE_HOME := $(CURDIR)/.venv/ansible-home

.PHONY: rehearse
rehearse: .venv/ready
	.venv/bin/python tests/rehearsal/rehearse.py

.PHONY: unit
unit: .venv/ready
	.venv/bin/pytest tests/unit -n 2 --dist worksteal

# Most of these wait for a service: more workers than processors. The playbooks take longest and begin first.
.PHONY: test
test: unit
	.venv/bin/pytest tests/system tests/functional -m 'not deep' -n 5 --dist loadscope --no-loadscope-reorder --durations 10

.PHONY: deep
deep: .venv/ready .venv-oldest/ready .venv-peer/ready
	.venv/bin/pytest simulator/tests -n 3 --dist loadscope
	.venv/bin/pytest tests/functional -m deep -n 4 --dist loadscope
	.venv/bin/pytest tests/system -m 'deep and not molecule' -n 3 --dist loadscope --no-loadscope-reorder
	$(MAKE) molecule

.PHONY: molecule
molecule: .venv/ready
	.venv/bin/pytest tests/system -m molecule -n 3

.PHONY: powershell
powershell: .venv/ready
	.venv/bin/pytest -c tests/powershell/pytest.ini tests/powershell -n 2 --dist loadscope

.PHONY: recordings
RECORDINGS ?= simulator/tests/recordings
recordings: .venv/ready
	.venv/bin/python tests/powershell/recorder.py $(RECORDINGS)

.PHONY: matrix
matrix:
	$(PYTHON) tests/bin/matrix.py $(PAIRS)

.PHONY: browser
browser: .venv-browser/ready
	.venv-browser/bin/pytest -c tests/browser/pytest.ini tests/browser

.PHONY: measure
measure: .venv/ready
	.venv/bin/python tests/bench/legs.py

.PHONY: bench
PART ?= fleet tenants
bench: .venv/ready $(if $(filter tenants,$(PART)),.venv-peer/bench)
	$(foreach part,$(PART),.venv/bin/python tests/bench/$(part).py $(ARGS) &&) true

.PHONY: simulator
simulator: .venv/ready
	.venv/bin/azs-simulator --output rehearsal $(if $(FLEET),--fleet $(FLEET))

.PHONY: style
style: .venv-lint/ready
	.venv-lint/bin/ruff format --check
	.venv-lint/bin/ruff check
	tests/bin/check-types

.PHONY: lint
lint: export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.build
lint: style .build/$(COLLECTION)/galaxy.yml
	cd .build/$(COLLECTION) && $(CURDIR)/.venv-lint/bin/ansible-lint --profile production --offline
	cd .build/$(COLLECTION) && PATH="$(CURDIR)/.venv-lint/bin:$$PATH" ansible-test sanity --venv --python 3.11 --color no
	tests/bin/import-collection
	tests/bin/introspect-collection

.PHONY: nox
nox: .venv-nox/ready
	env -u ANSIBLE_COLLECTIONS_PATH -u ANSIBLE_HOME .venv-nox/bin/nox

.PHONY: build
build: .venv/ready
	.venv/bin/ansible-galaxy collection build --force

# A real directory with a repository of its own: ansible-test wants the collection at its place in a tree.
.PHONY: .build/$(COLLECTION)/galaxy.yml
.build/$(COLLECTION)/galaxy.yml:
	rm -rf .build/ansible_collections && mkdir -p .build/$(COLLECTION)
	git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t .build/$(COLLECTION)
	cd .build/$(COLLECTION) && git init -q && git add -A

.venv/ready: requirements.txt tests/requirements.txt simulator/pyproject.toml
	tests/bin/make-venv $(PYTHON) .venv requirements.txt tests/requirements.txt
	mkdir -p .venv/collections/ansible_collections/azurestack
	ln -sfn ../../../.. .venv/collections/$(COLLECTION)
	touch $@

.venv-oldest/ready: tests/requirements-oldest.txt
	tests/bin/make-venv $(PYTHON) .venv-oldest $^
	touch $@

.venv-peer/ready: tests/requirements-peer.txt
	tests/bin/make-venv $(PYTHON) .venv-peer $^
	touch $@

# The Python packages that azure.azcollection itself asks for.
.venv-peer/bench: .venv-peer/ready
	.venv-peer/bin/pip install --disable-pip-version-check -q \
		--requirement "$$(echo .venv-peer/lib/python*/site-packages/ansible_collections/azure/azcollection/requirements.txt)"
	touch $@

.venv-browser/ready: tests/requirements-browser.txt
	tests/bin/make-venv $(PYTHON) .venv-browser $^
	mkdir -p .venv-browser/collections/ansible_collections/azurestack
	ln -sfn ../../../.. .venv-browser/collections/$(COLLECTION)
	touch $@

.venv-lint/ready: requirements.txt tests/requirements-lint.txt simulator/pyproject.toml
	tests/bin/make-venv $(PYTHON) .venv-lint requirements.txt tests/requirements-lint.txt
	mkdir -p .venv-lint/collections/ansible_collections/azurestack
	ln -sfn ../../../.. .venv-lint/collections/$(COLLECTION)
	touch $@

.venv-nox/ready: tests/requirements-nox.txt
	tests/bin/make-venv $(PYTHON) .venv-nox $^
	touch $@

.PHONY: clean
clean:
	rm -rf .venv .venv-* .build .nox rehearsal
