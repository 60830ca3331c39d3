# The lab texts and the kernel book, as a site (build/handouts/html/index.html) and as one PDF.
# Warnings (a broken reference, a page in no table of contents) are errors.

SPHINX := $(PYTHON) -m sphinx -q -W --keep-going -d $(B)/handouts/doctrees

handouts: ## the handouts as HTML and PDF, in build/handouts
	$(call need,docs)
	@$(SPHINX) -b html handouts $(B)/handouts/html
	@$(SPHINX) -b singlehtml handouts $(B)/handouts/single
	@$(PYTHON) handouts/pdf.py $(B)/handouts/single/index.html $(B)/handouts/vitrine.pdf
	@echo 'made $(B)/handouts/html/index.html and $(B)/handouts/vitrine.pdf'
