"""Write-ups: studies, and the pages that are made of them."""
