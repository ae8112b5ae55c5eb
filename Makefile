# make rehearse   a simulated fleet, disconnected and connected, is registered, twice
# make test       all tests but the next two
# make molecule   the molecule scenarios: whole fleets
# make browser    the fleet report in Chromium, which has to be installed
# make measure    what the three legs cost per stamp, as docs/performance.md says
# make lint       ansible-lint, ansible-test sanity, galaxy-importer
# make bench      fleets of up to 100 stamps, and tenant mapping beside a loop over azure.azcollection; takes an hour.
#                 PART=fleet or PART=tenants runs one of them, ARGS=... are its arguments (--help)
# make simulator  a simulated fleet in the foreground (FLEET=file names your own), to point any playbook at

PYTHON ?= python3
COLLECTION := ansible_collections/azurestack/hub
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.venv/collections
export ANSIBLE_HOME := $(CURDIR)/.venv/ansible-home

.PHONY: rehearse test measure lint simulator clean

rehearse: .venv/ready
	.venv/bin/python tests/rehearsal/rehearse.py

test: .venv/ready .venv-oldest/ready .venv-peer/ready
	.venv/bin/pytest tests/unit -n 3 --dist loadscope --durations 10
	.venv/bin/pytest simulator/tests -n 3 --dist loadscope --durations 10
	.venv/bin/pytest tests/system -m 'not molecule' -n 3 --dist loadscope --no-loadscope-reorder --durations 25

.PHONY: molecule
molecule: .venv/ready
	.venv/bin/pytest tests/system -m molecule -n 3

.PHONY: browser
browser: .venv-browser/ready
	.venv-browser/bin/pytest -c tests/browser/pytest.ini tests/browser

measure: .venv/ready
	.venv/bin/python tests/bench/legs.py

.PHONY: bench
PART ?= fleet tenants
bench: .venv/ready $(if $(filter tenants,$(PART)),.venv-peer/bench)
	$(foreach part,$(PART),.venv/bin/python tests/bench/$(part).py $(ARGS) &&) true

simulator: .venv/ready
	.venv/bin/azs-simulator --output rehearsal $(if $(FLEET),--fleet $(FLEET))

lint: export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.build
lint: .venv-lint/ready .build/$(COLLECTION)/galaxy.yml
	cd .build/$(COLLECTION) && $(CURDIR)/.venv-lint/bin/ansible-lint --profile production --offline
	cd .build/$(COLLECTION) && PATH="$(CURDIR)/.venv-lint/bin:$$PATH" ansible-test sanity --venv --python 3.11 --color no
	tests/bin/import-collection
	tests/bin/introspect-collection

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

.venv-lint/ready: tests/requirements-lint.txt
	tests/bin/make-venv $(PYTHON) .venv-lint $^
	touch $@

clean:
	rm -rf .venv .venv-oldest .venv-peer .venv-browser .venv-lint .build rehearsal
