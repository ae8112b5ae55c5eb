param([string] $Path, [string] $Body)
# Said with none of PowerShell's own words about the request.
$VerbosePreference = $ProgressPreference = 'SilentlyContinue'
$ErrorActionPreference = 'Stop'
$answer = Invoke-WebRequest -Uri "$env:AZS_SIMULATOR_SESSION$Path" -Method Post -Body $Body -ContentType 'application/xml; charset=utf-8' -TimeoutSec 600
[System.Management.Automation.PSSerializer]::Deserialize($answer.Content)
