# The lab texts and the kernel book, as a site (build/handouts/html/index.html) and as one PDF.
# Warnings (a broken reference, a page in no table of contents) are errors.

SPHINX := $(PYTHON) -m sphinx -q -W --keep-going -d $(B)/handouts/doctrees

handouts: ## the handouts as HTML and PDF, in build/handouts
	$(call need,docs)
	@$(SPHINX) -b html handouts $(B)/handouts/html
	@$(SPHINX) -b singlehtml handouts $(B)/handouts/single
	@$(PYTHON) handouts/pdf.py $(B)/handouts/single/index.html $(B)/handouts/vitrine.pdf
	@echo 'made $(B)/handouts/html/index.html and $(B)/handouts/vitrine.pdf'

visual: export VISUAL_PROGRAM := $(value PROGRAM)
visual: $(KIMAGE) $(B)/initramfs.cpio ## build/visual: memory of a live kernel as SVG [PROGRAM="cmd" | PID=n] [CACHE=name] [SMP=n MEM=n]
	$(call need,run test)
	@$(PYTHON) handouts/visual/__main__.py --kernel $(KIMAGE) --elf $(KERNEL) --initrd $(B)/initramfs.cpio \
	    --output $(B)/visual --smp '$(SMP)' --mem '$(MEM)' --cmdline '$(CMDLINE)' $(if $(PID),--pid '$(PID)') \
	    $(if $(CACHE),--cache '$(CACHE)') $(if $(PROGRAM),--program "$$VISUAL_PROGRAM")
.PHONY: visual
