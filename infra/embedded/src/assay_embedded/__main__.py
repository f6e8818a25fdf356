from assay_embedded.commands import main

main()
